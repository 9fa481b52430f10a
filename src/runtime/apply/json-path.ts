import { isPlainObject } from '../pods/merge.js';

/** A step of a path: a field, a position (from the end when negative), each item, or the items with a field of a value. */
type Step =
  | { readonly field: string }
  | { readonly at: number }
  | { readonly each: true }
  | { readonly where: string; readonly is: string };

/** The part of kubectl's JSONPath that leads to fields: no ranges, no functions. */
export type JsonPath = readonly Step[];

const STEP =
  /^(?:\.((?:\\.|[^.[\]\\])+)|\['([^']+)'\]|\["([^"]+)"\]|\[(-?\d+)\]|\[(\*)\]|\[\?\(@\.([\w.-]+)\s*==\s*["']([^"']*)["']\)\])/;

/**
 * Reads `{.status.phase}`, `{.spec.ports[0].port}`, `{.status.conditions[?(@.type=="Ready")].status}`; a dot in a name
 * is written `\.`. Pure.
 * @throws Error at what is not understood
 */
export function parseJsonPath(text: string): JsonPath {
  const inner = text.replace(/^\{\s*\$?|\s*\}$/g, '');
  const steps: Step[] = [];
  for (let rest = inner; rest !== '';) {
    const found = STEP.exec(rest);
    if (found === null) {
      throw new Error(`JSONPath ${text}: '${rest}' is not understood; it begins with a dot and has fields and [n]`);
    }
    const [all, field, single, double, position, each, where, is = ''] = found;
    const name = field?.replace(/\\(.)/g, '$1') ?? single ?? double;
    if (name !== undefined) {
      steps.push({ field: name });
    } else if (position !== undefined) {
      steps.push({ at: Number(position) });
    } else {
      steps.push(each === undefined ? { where: where ?? '', is } : { each: true });
    }
    rest = rest.slice(all.length);
  }
  if (steps.length === 0) {
    throw new Error(`JSONPath ${text} leads to no field`);
  }
  return steps;
}

/** The values that a path leads to; none when a step is missing. Pure. */
export function readJsonPath(path: JsonPath, object: unknown): unknown[] {
  return path.reduce<unknown[]>((values, step) => values.flatMap((value) => follow(step, value)), [object]);
}

function follow(step: Step, value: unknown): unknown[] {
  if ('field' in step) {
    return isPlainObject(value) && value[step.field] !== undefined ? [value[step.field]] : [];
  }
  if (!Array.isArray(value)) {
    return [];
  }
  if ('at' in step) {
    const found: unknown = value.at(step.at);
    return found === undefined ? [] : [found];
  }
  const items = value as unknown[];
  return 'each' in step ? items : items.filter((item) => isPlainObject(item) && String(item[step.where]) === step.is);
}
