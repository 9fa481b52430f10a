import { type LaunchPolicy, PATHS } from '../../../constructs/contract.js';
import { isPlainObject } from '../pods/merge.js';
import { ConfigError, type ConfigProblem } from './errors.js';

const FILE = PATHS.LAUNCH_POLICY_FILE;
const LABEL_VALUE = /^[a-z0-9A-Z]([a-z0-9A-Z_.-]{0,61}[a-z0-9A-Z])?$/;
/** A key of a ConfigMap that is no hidden file and no way out of the folder. */
const TEMPLATE_FILE = /^[A-Za-z0-9_-][-._A-Za-z0-9]{0,252}$/;
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whole numbers of the policy with the least value that makes sense. */
const NUMBERS = {
  maxInFlightCreates: 1,
  maxPendingPods: 0,
  maxPods: 0,
  keepSucceededSeconds: 0,
  keepFailedSeconds: 0,
  pendingTimeoutSeconds: 0,
} as const;

/**
 * Reads the text of launch-policy.json. Unknown fields are left alone: a newer stack may run an older image for a while.
 * @throws ConfigError with every problem: file, field, value and what it must be.
 */
export function parseLaunchPolicy(text: string): LaunchPolicy {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw new ConfigError([{ file: FILE, field: '', message: `is not JSON: ${(error as Error).message}` }]);
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new ConfigError([{ file: FILE, field: '', message: 'must hold one JSON object' }]);
  }
  const from = raw as Record<string, unknown>;
  const problems: ConfigProblem[] = [];
  const problem = (field: string, must: string): void => {
    const value = from[field] === undefined ? 'missing' : JSON.stringify(from[field]);
    problems.push({ file: FILE, field, message: `(${value}) must be ${must}` });
  };

  if (typeof from.deployment !== 'string' || !LABEL_VALUE.test(from.deployment)) {
    problem('deployment', 'a label value of 1 to 63 characters (letters, digits, -, _ and .)');
  }
  const { namespaces } = from;
  if (!Array.isArray(namespaces) || namespaces.length === 0 || !namespaces.every(isNamespace)) {
    problem('namespaces', 'a list of at least one namespace name');
  }
  for (const [field, least] of Object.entries(NUMBERS)) {
    const value = from[field];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least) {
      problem(field, `a whole number of at least ${least}`);
    }
  }
  problems.push(...queueProblems(from.queues, namespaces));
  const { standbyPods, paceStarts } = from;
  if (paceStarts !== undefined && typeof paceStarts !== 'boolean') {
    problem('paceStarts', 'true or false');
  }
  if (standbyPods !== undefined && !(Number.isInteger(standbyPods) && Number(standbyPods) >= 0)) {
    problem('standbyPods', 'a whole number of at least 0');
  }
  if (problems.length > 0) {
    throw new ConfigError(problems);
  }
  return from as unknown as LaunchPolicy;
}

function queueProblems(queues: unknown, namespaces: unknown): ConfigProblem[] {
  if (queues === undefined) {
    return [];
  }
  if (!isPlainObject(queues)) {
    return [{ file: FILE, field: 'queues', message: `(${JSON.stringify(queues)}) must be an object by queue` }];
  }
  const problems: ConfigProblem[] = [];
  const check = (field: string, value: unknown, ok: boolean, must: string): void => {
    if (value !== undefined && !ok) {
      problems.push({ file: FILE, field, message: `(${JSON.stringify(value)}) must be ${must}` });
    }
  };
  for (const [queue, policy] of Object.entries(queues)) {
    const field = `queues.${queue}`;
    if (!isPlainObject(policy)) {
      check(field, policy, false, `an object with 'template' or 'namespace'`);
      continue;
    }
    const { template, namespace } = policy;
    const isFile = typeof template === 'string' && TEMPLATE_FILE.test(template);
    check(`${field}.template`, template, isFile, 'a file name, a key of the executor ConfigMap');
    const known = Array.isArray(namespaces) && namespaces.includes(namespace);
    check(`${field}.namespace`, namespace, known, `one of 'namespaces'`);
  }
  return problems;
}

function isNamespace(value: unknown): boolean {
  return typeof value === 'string' && NAMESPACE.test(value);
}
