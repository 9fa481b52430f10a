import { App, Chart, Duration, Size } from 'cdk8s';
import * as library from '../../../constructs/index.js';
import { Call, type Data, isList, isMap, Member, type Owner, ownersOf, type StackProgram } from './expression.js';

/** The classes by their names, as far as they are looked into here. */
type Classes = Readonly<Partial<Record<Owner, object>>>;

/**
 * The manifests of a program as YAML.
 * @throws ValidationError if the constructs refuse a prop
 */
export async function synthesize(program: StackProgram): Promise<string> {
  const app = new App();
  build(app, program, await classesFor(program));
  return app.synthYaml();
}

async function classesFor(program: StackProgram): Promise<Classes> {
  const { AccessMode, Dags, Database, Executor, ImagePullPolicy, Logs, SecretRef } = library;
  const own = { AccessMode, Dags, Database, Executor, ImagePullPolicy, Logs, SecretRef, Duration, Size };
  if (!ownersOf(program).has('Cpu')) return own;
  // Only when it is needed: it takes longer to load than everything else together.
  const { Cpu } = await import('cdk8s-plus-27');
  return { ...own, Cpu };
}

function build(app: App, program: StackProgram, classes: Classes): void {
  const value = (data: Data): unknown => evaluate(data, classes);
  const chart = new Chart(app, program.release, { namespace: program.namespace });
  const airflow = new library.Airflow(chart, program.release, value(program.props) as library.AirflowProps);
  for (const { targets, method, args } of program.statements) {
    for (const target of targets) {
      const component: object | undefined = airflow[target];
      if (component !== undefined) callMethod(component, method, args.map(value));
    }
  }
}

/** What the written program would compute. */
function evaluate(data: Data, classes: Classes): unknown {
  const value = (each: Data): unknown => evaluate(each, classes);
  if (data instanceof Call) return callMethod(classOf(data.owner, classes), data.method, data.args.map(value));
  if (data instanceof Member) return (classOf(data.owner, classes) as Record<string, unknown>)[data.name];
  if (isList(data)) return data.map(value);
  if (isMap(data)) {
    return Object.fromEntries(
      Object.entries(data).flatMap(([key, each]) => (each === undefined ? [] : [[key, value(each)]])),
    );
  }
  return data;
}

function classOf(owner: Owner, classes: Classes): object {
  const found = classes[owner];
  if (found === undefined) throw new Error(`the class ${owner} was not loaded`);
  return found;
}

function callMethod(on: object, method: string, args: unknown[]): unknown {
  return (on as Record<string, (...args: unknown[]) => unknown>)[method]?.apply(on, args);
}
