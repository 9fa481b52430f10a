import { listTheRest, unknownKeys } from './accounting.js';
import { compact, type DataMap, type StackProgram } from './expression.js';
import { components, everywhere, joinCarried } from './mappings/components.js';
import { config } from './mappings/config.js';
import { dags } from './mappings/dags.js';
import { database } from './mappings/database.js';
import { executor } from './mappings/executor.js';
import { images } from './mappings/images.js';
import { jobs } from './mappings/jobs.js';
import { keys } from './mappings/keys.js';
import { logs } from './mappings/logs.js';
import type { Mapping } from './mappings/mapping.js';
import { server } from './mappings/server.js';
import { stackOf } from './mappings/stack.js';
import { InputErrors, type Remark } from './problems.js';
import { refuseWhatTheChartRefuses } from './refusals.js';
import { readValues } from './values-file.js';
import { Values } from './values.js';

export interface ImportOptions {
  /** Of the file, for messages. */
  readonly name: string;
  readonly release: string;
  readonly namespace: string;
}

export interface Imported {
  readonly program: StackProgram;
  /** What is not carried over, or has to be done, in the order of the file. */
  readonly remarks: readonly Remark[];
}

const MAPPINGS: readonly Mapping[] = [
  ...[images, executor, database, dags, logs, keys, config],
  ...[everywhere, components, server, jobs],
];

/** Order of the props in the program. */
const ORDER = [
  ...['image', 'imagePullPolicy', 'imagePullSecrets', 'airflowVersion', 'executor', 'database', 'dags', 'logs', 'keys'],
  ...['config', 'labels', 'components', 'scheduler', 'webserver', 'dagProcessor', 'triggerer', 'migrations'],
  ...['firstUser', 'databaseCleanup'],
];

/**
 * The program that a values file of the official chart stands for.
 * @param text of the file
 * @throws InputErrors with everything that is wrong, by file, line and key
 */
export function importValues(text: string, options: ImportOptions): Imported {
  const { name, release, namespace } = options;
  const file = readValues(text, name);
  const values = Values.of(file, name, options);
  const unknown = unknownKeys(file, name);
  const stack = stackOf(values);
  refuseWhatTheChartRefuses(values, stack.executors);
  const { props, statements } = joinCarried(MAPPINGS.map((mapping) => mapping(values, stack)));
  listTheRest(file, values);
  const errors = [...unknown, ...values.errors];
  if (errors.length > 0) throw new InputErrors([...new Set(errors)].sort(byLine));
  const ordered: DataMap = Object.fromEntries(ORDER.map((prop) => [prop, props[prop]]));
  return {
    program: { release, namespace, props: compact(ordered) ?? {}, statements },
    remarks: [...values.remarks].sort((a, b) => a.line - b.line),
  };
}

function byLine(a: string, b: string): number {
  const line = (error: string): number => Number(/:(\d+): /.exec(error)?.[1] ?? 0);
  return line(a) - line(b);
}
