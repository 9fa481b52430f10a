import { FIELD_MANAGER } from './apply.js';
import type { KubeClient } from './client.js';
import type { KubeObject, ManagedFields } from './objects.js';

/** How `kubectl apply` signs what it sets when it does not apply on the server. */
const KUBECTL = 'kubectl-client-side-apply';

/**
 * What `kubectl apply` owns, as ours. Server-side apply removes only what its own manager has set before, so a field
 * that kubectl set and the stack no longer has would stay, or leave half a list item behind.
 * @returns undefined if kubectl owns nothing
 */
export function withoutKubectl(entries: readonly ManagedFields[]): ManagedFields[] | undefined {
  const foreign = entries.filter((entry) => entry.manager === KUBECTL && entry.operation === 'Update');
  if (foreign.length === 0) {
    return undefined;
  }
  const isOurs = (entry: ManagedFields): boolean =>
    entry.manager === FIELD_MANAGER && entry.operation === 'Apply' && entry.subresource === undefined;
  const [newest] = foreign.slice(-1);
  const ours = entries.find(isOurs) ?? { ...newest, manager: FIELD_MANAGER, operation: 'Apply' };
  const fieldsV1 = [ours, ...foreign].map((entry) => entry.fieldsV1 ?? {}).reduce(union);
  return [...entries.filter((entry) => !foreign.includes(entry) && !isOurs(entry)), { ...ours, fieldsV1 }];
}

/** Makes `kubectl apply`'s share of a live object ours; only its bookkeeping changes. */
export async function takeOver(client: KubeClient, object: KubeObject): Promise<void> {
  const { apiVersion, kind, metadata } = object;
  const live = await client.find(apiVersion, kind, metadata.namespace ?? '', metadata.name);
  const managedFields = withoutKubectl(live?.metadata.managedFields ?? []);
  if (live === undefined || managedFields === undefined) {
    return;
  }
  await client.request('PATCH', await client.pathOf(apiVersion, kind, metadata.namespace, metadata.name), {
    query: { fieldManager: FIELD_MANAGER },
    body: [
      { op: 'test', path: '/metadata/resourceVersion', value: live.metadata.resourceVersion },
      { op: 'replace', path: '/metadata/managedFields', value: managedFields },
    ],
    contentType: 'application/json-patch+json',
  });
}

type FieldSet = Readonly<Record<string, unknown>>;

/** Field sets are tries: the union holds each path of either. */
function union(one: FieldSet, other: FieldSet): FieldSet {
  const result: Record<string, unknown> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    result[key] = key in one ? union(one[key] as FieldSet, value as FieldSet) : value;
  }
  return result;
}
