import {
  Call,
  type Data,
  isList,
  isMap,
  LIBRARIES,
  Member,
  ownersOf,
  type StackProgram,
  type Statement,
  type Target,
} from './expression.js';

const WIDTH = 120;
/** Members of `Airflow` that are not there in every stack. */
const OPTIONAL: readonly Target[] = ['dagProcessor', 'firstUser', 'databaseCleanup'];

/** The program as TypeScript, laid out as prettier would with single quotes and 120 columns. */
export function print(program: StackProgram, comments: readonly string[] = []): string {
  const { namespace, release, props, statements } = program;
  const hasProps = Object.keys(props).length > 0;
  const create = `new Airflow(chart, ${quote(release)}${hasProps ? `, ${expand(props, 0)}` : ''});`;
  return [
    ...comments.map((line) => (line === '' ? '//' : `// ${line}`)),
    ...imports(program),
    '',
    'const app = new App();',
    `const chart = new Chart(app, ${quote(release)}, { namespace: ${quote(namespace)} });`,
    statements.length > 0 ? `const airflow = ${create}` : create,
    ...(statements.length > 0 ? ['', ...printStatements(statements), ''] : []),
    'app.synth();',
    '',
  ].join('\n');
}

function imports(program: StackProgram): string[] {
  const used: ReadonlySet<string> = ownersOf(program);
  return Object.entries(LIBRARIES).flatMap(([library, owners]) => {
    const always = { cdk8s: ['App', 'Chart'], 'cdk8s-airflow': ['Airflow'] }[library] ?? [];
    const names = [...always, ...owners.filter((owner) => used.has(owner))].sort();
    if (names.length === 0) return [];
    const line = `import { ${names.join(', ')} } from ${quote(library)};`;
    return line.length <= WIDTH
      ? [line]
      : ['import {', ...names.map((name) => `  ${name},`), `} from ${quote(library)};`];
  });
}

/** Statements about one member stand alone; those about the same ones share a loop. */
function printStatements(statements: readonly Statement[]): string[] {
  const groups: { targets: readonly Target[]; statements: Statement[] }[] = [];
  for (const statement of statements) {
    const last = groups.at(-1);
    if (last?.targets.join() === statement.targets.join()) last.statements.push(statement);
    else groups.push({ targets: statement.targets, statements: [statement] });
  }
  return groups.flatMap((group) => {
    const [only] = group.targets;
    const member = (target: Target): string => `airflow.${target}`;
    const optional = group.targets.some((target) => OPTIONAL.includes(target)) ? '?' : '';
    const lines = (name: string, indent: number): string[] =>
      group.statements.map(({ method, args }) => {
        const head = `${name}${optional}.${method}`;
        return `${' '.repeat(indent)}${head}(${printArguments(args, indent, head.length + 3)});`;
      });
    if (group.targets.length === 1 && only !== undefined) return lines(member(only), 0);
    const flat = `for (const component of [${group.targets.map(member).join(', ')}]) {`;
    const open = ['for (const component of [', ...group.targets.map((target) => `  ${member(target)},`), ']) {'];
    return [...(flat.length <= WIDTH ? [flat] : open), ...lines('component', 2), '}'];
  });
}

/** `used`: columns that are taken on the line already, with what follows. */
function printData(data: Data, indent: number, used: number): string {
  const flat = printFlat(data);
  // prettier keeps an object open whose first line was, so what fits is closed and all else is open.
  if (indent + used + flat.length <= WIDTH && !mustBreak(data)) return flat;
  if (data instanceof Call) {
    const head = `${data.owner}.${data.method}`;
    return `${head}(${printArguments(data.args, indent, used + head.length + 2)})`;
  }
  if (isList(data) || isMap(data)) return expand(data, indent);
  return flat;
}

function printArguments(args: readonly Data[], indent: number, used: number): string {
  const flat = args.map(printFlat).join(', ');
  if (indent + used + flat.length <= WIDTH && !args.some(mustBreak)) return flat;
  const last = args.at(-1);
  if (args.length === 1 && (isMap(last) || isList(last))) return expand(last, indent);
  const pad = ' '.repeat(indent + 2);
  return `\n${args.map((arg) => `${pad}${printData(arg, indent + 2, 1)},\n`).join('')}${' '.repeat(indent)}`;
}

/** A list or object with an element a line. */
function expand(data: readonly Data[] | Readonly<Record<string, Data | undefined>>, indent: number): string {
  const pad = ' '.repeat(indent + 2);
  const end = ' '.repeat(indent);
  if (isList(data)) return `[\n${data.map((each) => `${pad}${printData(each, indent + 2, 1)},\n`).join('')}${end}]`;
  const lines = Object.entries(data).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const key = printKey(name);
    const text = printData(value, indent + 2, key.length + 3);
    // A string that is too long for its line goes to the next one.
    const tooLong = typeof value === 'string' && indent + 2 + key.length + 3 + text.length > WIDTH;
    return [tooLong ? `${pad}${key}:\n${pad}  ${text},\n` : `${pad}${key}: ${text},\n`];
  });
  return `{\n${lines.join('')}${end}}`;
}

/** Several objects of several entries stand below each other, however short they are. */
function mustBreak(data: Data | undefined): boolean {
  if (data instanceof Call) return data.args.some(mustBreak);
  if (isList(data)) {
    const entries = (each: Data): number => (isMap(each) ? Object.keys(each).length : isList(each) ? each.length : 0);
    const alike = data.every(isMap) || data.every(isList);
    return (data.length > 1 && alike && data.every((each) => entries(each) > 1)) || data.some(mustBreak);
  }
  return isMap(data) && Object.values(data).some(mustBreak);
}

function printFlat(data: Data): string {
  if (data instanceof Call) return `${data.owner}.${data.method}(${data.args.map(printFlat).join(', ')})`;
  if (data instanceof Member) return `${data.owner}.${data.name}`;
  if (isList(data)) return `[${data.map(printFlat).join(', ')}]`;
  if (isMap(data)) {
    const entries = Object.entries(data).flatMap(([key, value]) =>
      value === undefined ? [] : [`${printKey(key)}: ${printFlat(value)}`],
    );
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  return typeof data === 'string' ? quote(data) : String(data);
}

function printKey(key: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(key) ? key : quote(key);
}

/** A literal in single quotes, or in double ones where that needs fewer backslashes. */
function quote(text: string): string {
  const json = JSON.stringify(text);
  const count = (mark: string): number => text.split(mark).length - 1;
  if (count("'") > count('"')) return json;
  return `'${json.slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}
