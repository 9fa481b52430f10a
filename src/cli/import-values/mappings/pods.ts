import { compact, type DataMap } from '../expression.js';
import { cpuOf, sizeOf } from '../quantities.js';
import { isPlainMap, type Values } from '../values.js';

/** `resources` in the API's own form as the library's. */
export function resourcesOf(values: Values, key = 'resources'): DataMap | undefined {
  const given = values.map(key);
  if (given === undefined) return undefined;
  const found: Record<string, DataMap[string]> = {};
  for (const [kind, suffix] of [
    ['requests', 'Request'],
    ['limits', 'Limit'],
  ] as const) {
    const amounts = given[kind];
    if (!isPlainMap(amounts)) continue;
    for (const [name, amount] of Object.entries(amounts)) {
      if (amount === null) continue;
      if (name !== 'cpu' && name !== 'memory') {
        values.remark(`${key}.${kind}.${name}`, "only cpu and memory are props; use 'patch' for other resources");
        continue;
      }
      const quantity = name === 'cpu' ? cpuOf(amount) : sizeOf(amount);
      if (quantity === undefined)
        values.refuse(`${key}.${kind}.${name}`, `must be an amount of ${name}, not ${JSON.stringify(amount)}`);
      found[`${name}${suffix}`] = quantity;
    }
  }
  return compact(found);
}

/** Where pods run and what they wear: what components and tasks have in common. */
export function placementOf(values: Values): DataMap {
  return {
    nodeSelector: values.texts('nodeSelector'),
    tolerations: values.list('tolerations') as DataMap[] | undefined,
    affinity: values.map('affinity'),
    priorityClassName: values.text('priorityClassName'),
  };
}

/** Placement of all pods: what a component says itself takes the place of it. */
export function globalPlacement(values: Values): DataMap {
  return {
    nodeSelector: values.texts('nodeSelector'),
    tolerations: values.list('tolerations') as DataMap[] | undefined,
    affinity: values.map('affinity'),
    topologySpreadConstraints: values.list('topologySpreadConstraints') as DataMap[] | undefined,
  };
}
