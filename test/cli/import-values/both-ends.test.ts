import { App } from 'cdk8s';
import { runInNewContext } from 'node:vm';
import * as prettier from 'prettier';
import ts from 'typescript';
import { synthesize } from '../../../src/cli/import-values/evaluate.js';
import { importValues } from '../../../src/cli/import-values/import-values.js';
import { print } from '../../../src/cli/import-values/print.js';
import { remarkLines } from '../../../src/cli/import-values/remarks.js';
import { EXAMPLES } from './examples.js';

const options = { name: 'values.yaml', release: 'prod', namespace: 'data' };

function written(values: string): string {
  const { program, remarks } = importValues(values, options);
  return print(program, remarkLines(remarks, options.name));
}

/** Runs a program with this checkout's constructs, and gives what it would write to its folder. */
function run(program: string): string {
  const { outputText } = ts.transpileModule(program, { compilerOptions: { module: ts.ModuleKind.CommonJS } });
  const synth = jest.spyOn(App.prototype, 'synth').mockImplementation(function (this: App) {
    result = this.synthYaml();
  });
  let result = '';
  const load = (name: string): unknown =>
    jest.requireActual(name === 'cdk8s-airflow' ? '../../../constructs/index.js' : name);
  runInNewContext(outputText, { require: load, exports: {} });
  synth.mockRestore();
  return result;
}

describe.each(Object.entries(EXAMPLES))('the program for %s', (_, values) => {
  it('synthesizes what --synth prints', async () => {
    const { program } = importValues(values, options);
    const manifests = await synthesize(program);
    expect(manifests).toContain('name: prod-scheduler');
    expect(run(written(values))).toBe(manifests);
  });

  it('is laid out as prettier would', async () => {
    const text = written(values);
    const formatted = await prettier.format(text, { parser: 'typescript', singleQuote: true, printWidth: 120 });
    expect(text).toBe(formatted);
  });
});

test('the written programs have the types of the library', () => {
  const files = new Map(
    Object.values(EXAMPLES).map((values, index) => [
      `${__dirname}/written-${index}.ts`,
      written(values).replace("'cdk8s-airflow'", "'../../../constructs/index.js'"),
    ]),
  );
  const compilerOptions: ts.CompilerOptions = {
    ...{ noEmit: true, strict: true, skipLibCheck: true, types: [] },
    ...{
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
    },
  };
  const host = ts.createCompilerHost(compilerOptions);
  const readFile = host.readFile.bind(host);
  host.readFile = (name) => files.get(name) ?? readFile(name);
  const fileExists = host.fileExists.bind(host);
  const getSourceFile = host.getSourceFile.bind(host);
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.getSourceFile = (name, ...more) => {
    const text = files.get(name);
    return text === undefined ? getSourceFile(name, ...more) : ts.createSourceFile(name, text, ts.ScriptTarget.ES2023);
  };
  const program = ts.createProgram([...files.keys()], compilerOptions, host);
  const found = [...files.keys()].flatMap((name) => program.getSemanticDiagnostics(program.getSourceFile(name)));
  expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
});

test('a program is readable', () => {
  expect(written(EXAMPLES['git-sync, an external database and pods'] ?? '')).toMatchSnapshot();
});
