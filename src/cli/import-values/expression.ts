// What the importer writes, before it is text or constructs: the same model for both, so that they cannot drift apart.

/** Classes that a written program may name, and where each is imported from. */
export const LIBRARIES = {
  cdk8s: ['Duration', 'Size'],
  'cdk8s-plus-27': ['Cpu'],
  'cdk8s-airflow': ['AccessMode', 'Dags', 'Database', 'Executor', 'ImagePullPolicy', 'Logs', 'SecretRef'],
} as const;

export type LibraryName = keyof typeof LIBRARIES;
export type Owner = (typeof LIBRARIES)[LibraryName][number];

/** A call of a static method: `Size.gibibytes(20)`. */
export class Call {
  readonly args: readonly Data[];

  constructor(
    readonly owner: Owner,
    readonly method: string,
    ...args: readonly Data[]
  ) {
    this.args = args;
  }
}

/** A member of an enum: `AccessMode.READ_WRITE_MANY`. */
export class Member {
  constructor(
    readonly owner: Owner,
    readonly name: string,
  ) {}
}

/** An object literal; what is undefined is left out. */
export interface DataMap {
  readonly [key: string]: Data | undefined;
}

/** What a prop can be. */
export type Data = string | number | boolean | null | Call | Member | readonly Data[] | DataMap;

/** Members of `Airflow` that a statement can be about. */
export type Target =
  'scheduler' | 'webserver' | 'dagProcessor' | 'triggerer' | 'migrations' | 'firstUser' | 'databaseCleanup' | 'tasks';

/** `airflow.<target>.<method>(…args)`, once for each target. */
export interface Statement {
  readonly targets: readonly Target[];
  readonly method: string;
  readonly args: readonly Data[];
}

/** A whole stack: props of `Airflow`, then what is added to its members. */
export interface StackProgram {
  readonly namespace: string;
  readonly release: string;
  readonly props: DataMap;
  readonly statements: readonly Statement[];
}

/** Every class that a program names. */
export function ownersOf(program: StackProgram): Set<Owner> {
  const owners = new Set<Owner>();
  const visit = (data: Data | undefined): void => {
    if (data instanceof Call) {
      owners.add(data.owner);
      data.args.forEach(visit);
    } else if (data instanceof Member) owners.add(data.owner);
    else if (isList(data)) data.forEach(visit);
    else if (isMap(data)) Object.values(data).forEach(visit);
  };
  visit(program.props);
  program.statements.forEach(({ args }) => {
    args.forEach(visit);
  });
  return owners;
}

export function isList(data: unknown): data is readonly Data[] {
  return Array.isArray(data);
}

/** An object literal, and neither a list nor a call. */
export function isMap(data: unknown): data is DataMap {
  return (
    typeof data === 'object' &&
    data !== null &&
    !Array.isArray(data) &&
    !(data instanceof Call) &&
    !(data instanceof Member)
  );
}

/** The entries that are set; undefined when there are none. */
export function compact(map: DataMap): DataMap | undefined {
  const entries = Object.entries(map).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** `SecretRef.named(name, key)`. */
export function secretRef(name: string, key: string): Call {
  return new Call('SecretRef', 'named', name, key);
}
