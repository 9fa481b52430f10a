import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';

/**
 * A field, such as `spec.containers[0].image`, `spec.containers[main].image` or `.spec.ports[port=80,protocol="TCP"].name`,
 * in steps; keys with dots in brackets.
 */
export function stepsOf(field: string): string[] {
  return (field.match(/[^.[\]]+|\[[^\]]*\]/g) ?? []).map((step) => step.replace(/^\[|\]$/g, ''));
}

/**
 * The line of a field in YAML, counted from 1; pure.
 * @returns null when the YAML does not hold the field
 */
export function lineOf(yaml: string, steps: readonly string[]): number | null {
  const counter = new LineCounter();
  let node: unknown = parseDocument(yaml, { lineCounter: counter }).contents;
  let key: Node | null = null;
  for (const step of steps) {
    const found = childOf(node, step);
    if (found === null) {
      return null;
    }
    [key, node] = found;
  }
  return key?.range == null ? null : counter.linePos(key.range[0]).line;
}

/** @returns the key of a field, or the item of a list, and the value; null when there is none */
export function childOf(node: unknown, step: string): [Node, unknown] | null {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step);
    return pair === undefined ? null : [pair.key as Node, pair.value];
  }
  if (isSeq(node)) {
    const item = node.items[Number(step)] ?? node.items.find((one) => isMap(one) && isMeant(one, step));
    return item === undefined ? null : [item as Node, item];
  }
  return null;
}

/** Has an item this name, or these values? */
function isMeant(item: YAMLMap, step: string): boolean {
  const values = [...step.matchAll(/([\w.-]+)="?([^",]*)"?/g)];
  return values.length === 0
    ? item.get('name') === step
    : values.every(([, key, value]) => String(item.get(key)) === value);
}

/** The fields that a refusal of the API server speaks of; pure. */
export function fieldsIn(message: string): string[] {
  return message.match(/\b(?:metadata|spec)(?:\.[\w-]+|\[[^\]\s]*\])+/g) ?? [];
}
