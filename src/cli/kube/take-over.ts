import { FIELD_MANAGER } from './apply.js';
import { KubeApiError, type KubeClient } from './client.js';
import type { KubeObject, ManagedFields } from './objects.js';

/** How `kubectl apply` signs what it sets when it does not apply on the server. */
const KUBECTL = 'kubectl-client-side-apply';

/** Reads and writes of one object before a conflict is an error: a rollout changes its status every few 100 ms. */
const ATTEMPTS = 10;

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

/**
 * Makes `kubectl apply`'s share of a live object ours; only its bookkeeping changes.
 * @throws KubeApiError 409 if others changed the object each time between reading it and writing to it
 */
export async function takeOver(client: KubeClient, object: KubeObject): Promise<void> {
  const { apiVersion, kind, metadata } = object;
  for (let attempt = 1; ; attempt += 1) {
    const live = await client.find(apiVersion, kind, metadata.namespace ?? '', metadata.name);
    const managedFields = withoutKubectl(live?.metadata.managedFields ?? []);
    if (live === undefined || managedFields === undefined) {
      return;
    }
    try {
      await client.request('PATCH', await client.pathOf(apiVersion, kind, metadata.namespace, metadata.name), {
        query: { fieldManager: FIELD_MANAGER },
        // With the version that was read: refused if a controller wrote meanwhile, as it does right after an apply.
        body: { metadata: { resourceVersion: live.metadata.resourceVersion, managedFields } },
        contentType: 'application/merge-patch+json',
      });
      return;
    } catch (error) {
      if (!(error instanceof KubeApiError && error.code === 409 && attempt < ATTEMPTS)) {
        throw error;
      }
    }
  }
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
