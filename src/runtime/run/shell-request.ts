import { parse } from 'yaml';
import { TASK_CONTAINER } from '../../../constructs/contract.js';
import type { RunRequestInput } from './request.js';
import { RUN_PROTOCOL } from './request-parts.js';

/** What the command line says. */
export interface ShellOptions {
  /** The manifest, `-` for standard input; undefined where a request takes its place. */
  readonly file: string | undefined;
  readonly follow: boolean;
  readonly result: boolean;
  readonly keep: boolean;
  readonly namespace: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly container: string | undefined;
}

/** As the operators have it by default. */
export const RESULT_PATH = '/airflow/xcom/return.json';

/** The request of a command line; pure. @param yaml the manifest */
export function shellRequest(yaml: string, options: ShellOptions): RunRequestInput {
  const { context, kubeconfig: configFile } = options;
  return {
    protocol: RUN_PROTOCOL,
    layers: [{ source: options.file ?? '-', yaml }],
    namespace: options.namespace ?? null,
    container: options.container ?? firstContainer(yaml),
    until: options.follow || options.result ? 'ended' : 'created',
    onFinish: options.keep ? 'keep_pod' : 'delete_pod',
    // People see what a pod waits for, and can end it.
    startupTimeoutSeconds: null,
    result: options.result ? { path: RESULT_PATH } : null,
    cluster: {
      ...(configFile === undefined ? {} : { configFile }),
      ...(context === undefined ? {} : { context }),
    },
  };
}

/** `base` if there is one, else the first. What is wrong with the manifest is found, and told, when it is read as one. */
function firstContainer(yaml: string): string {
  try {
    const pod = parse(yaml) as { spec?: { containers?: { name?: unknown }[] } } | null;
    const names = (pod?.spec?.containers ?? []).map(({ name }) => name);
    const first = names.includes(TASK_CONTAINER) ? TASK_CONTAINER : names[0];
    return typeof first === 'string' ? first : TASK_CONTAINER;
  } catch {
    return TASK_CONTAINER;
  }
}
