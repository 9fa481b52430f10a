import { isPlainObject } from '../pods/merge.js';
import { type JsonPath, parseJsonPath, readJsonPath } from './json-path.js';

/** What is waited for. */
export type Condition =
  /** One of `status.conditions` has this status, which is compared without regard to case. */
  | { readonly type: 'condition'; readonly name: string; readonly status: string }
  /** A field has this value; null: any that is not empty. */
  | { readonly type: 'jsonpath'; readonly path: JsonPath; readonly value: string | null }
  | { readonly type: 'deleted' };

/** A condition and which objects it is about. */
export interface ConditionRule {
  /** As it was written. */
  readonly text: string;
  /** null: of any kind. */
  readonly kind: string | null;
  /** null: of any name. */
  readonly name: string | null;
  readonly condition: Condition;
}

const OF_KIND = /^([A-Za-z][A-Za-z0-9]*)(?:\/([^\s:]+))?:\s*(.+)$/s;
const CONDITION = /^condition=([^=\s]+)(?:=(\S+))?$/;
const JSONPATH = /^(?:jsonpath[=\s]\s*)?'?(\{.+?\})'?(?:=(.*))?$/s;

/**
 * Reads `condition=Available`, `condition=Ready=False`, `jsonpath={.status.phase}=Bound` or `deleted`, each maybe after
 * `Kind:` or `Kind/name:`; pure.
 * @throws Error when it is none of these
 */
export function parseCondition(text: string): ConditionRule {
  const [, kind = null, name = null, rest = text] = OF_KIND.exec(text) ?? [];
  return { text, kind, name, condition: conditionOf(rest.trim(), text) };
}

function conditionOf(text: string, whole: string): Condition {
  if (text === 'deleted' || text === 'delete') {
    return { type: 'deleted' };
  }
  const [, name, status = 'True'] = CONDITION.exec(text) ?? [];
  if (name !== undefined) {
    return { type: 'condition', name, status };
  }
  const [, path, value = null] = JSONPATH.exec(text) ?? [];
  if (path !== undefined) {
    return { type: 'jsonpath', path: parseJsonPath(path), value };
  }
  throw new Error(
    `'${whole}' must be condition=TYPE, condition=TYPE=STATUS, jsonpath={.a.b}=VALUE or deleted, ` +
      'each maybe after KIND: or KIND/NAME:',
  );
}

/** Is the rule about this object? Kinds are compared without regard to case; pure. */
export function isAbout(
  { kind, name }: ConditionRule,
  object: { readonly kind: string; readonly name: string },
): boolean {
  return (kind === null || kind.toLowerCase() === object.kind.toLowerCase()) && (name === null || name === object.name);
}

/** Does an object that is there meet it? What its controller has not looked at since the last change does not; pure. */
export function isMet(condition: Condition, object: unknown): boolean {
  switch (condition.type) {
    case 'deleted':
      return false;
    case 'jsonpath': {
      const found = readJsonPath(condition.path, object);
      return condition.value === null
        ? found.some((one) => one !== null && one !== '')
        : found.some((one) => textOf(one) === condition.value);
    }
    case 'condition': {
      const found = conditionsOf(object).find(({ type }) => same(type, condition.name));
      return found !== undefined && same(found.status, condition.status) && !isStale(object, found);
    }
  }
}

/** What an object says of itself, in a few words; empty: nothing yet. Pure. */
export function describeStatus(object: unknown): string {
  const status = isPlainObject(object) && isPlainObject(object.status) ? object.status : {};
  const phase = typeof status.phase === 'string' ? [status.phase] : [];
  const conditions = conditionsOf(object).map(({ type, status: value, reason, message }) => {
    const why = [reason, message].filter((part) => typeof part === 'string' && part !== '').join(': ');
    return `${String(type)}=${String(value)}${why === '' ? '' : ` (${why})`}`;
  });
  return [...phase, ...conditions].join(', ');
}

type Fields = Record<string, unknown>;

function conditionsOf(object: unknown): Fields[] {
  const status = isPlainObject(object) && isPlainObject(object.status) ? object.status : {};
  return Array.isArray(status.conditions) ? (status.conditions as unknown[]).filter(isPlainObject) : [];
}

function isStale(object: unknown, condition: Fields): boolean {
  const { metadata, status } = object as { metadata?: Fields; status?: Fields };
  const generation = metadata?.generation;
  const observed = condition.observedGeneration ?? status?.observedGeneration;
  return typeof generation === 'number' && typeof observed === 'number' && observed < generation;
}

function same(one: unknown, other: string): boolean {
  return typeof one === 'string' && one.toLowerCase() === other.toLowerCase();
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
