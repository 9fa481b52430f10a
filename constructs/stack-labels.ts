import { STACK_NAMESPACE_LABEL } from './contract.js';
import type { Release } from './release.js';

/** By these, and `release`, `deploy` and `destroy` find what a stack has beyond the namespaces of its tasks. */
export function stackLabels(release: Release): { [key: string]: string } {
  return { [STACK_NAMESPACE_LABEL]: release.namespace };
}
