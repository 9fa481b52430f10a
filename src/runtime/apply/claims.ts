import type { Collection, KubeObject, ObjectApi } from '../api/object-api.js';
import { pause } from '../pause.js';
import { RunError } from '../run/events.js';
import { patiently, type Patience } from '../run/patience.js';
import { type ConditionRule, isAbout, isMet } from './condition.js';
import type { ManifestDocument } from './documents.js';

interface StorageClass extends KubeObject {
  readonly volumeBindingMode?: string;
}

interface Claim extends KubeObject {
  readonly spec?: { readonly storageClassName?: string; readonly volumeName?: string };
}

const CLASSES: Collection<StorageClass> = {
  apiVersion: 'storage.k8s.io/v1',
  plural: 'storageclasses',
  namespace: null,
};
const FIRST_CONSUMER = 'WaitForFirstConsumer';

/** Is it a rule that a claim be bound, for this document? Pure. */
export function waitsForBinding(rule: ConditionRule, document: ManifestDocument): boolean {
  return (
    document.kind === 'PersistentVolumeClaim' &&
    isAbout(rule, document) &&
    rule.condition.type === 'jsonpath' &&
    isMet(rule.condition, { status: { phase: 'Bound' } }) &&
    !isMet(rule.condition, { status: { phase: 'Pending' } })
  );
}

/** When a claim is bound. */
export interface Binding {
  /** `unknown`: nobody may read its class. */
  readonly when: 'at-once' | 'first-consumer' | 'unknown';
  readonly storageClass: string;
}

/**
 * Whether a claim is bound only when a pod uses it.
 * @param claim as the server has it, or would
 */
export async function bindingOf(
  claim: Claim & { readonly status?: { readonly phase?: string } },
  api: ObjectApi,
  patience: Patience,
): Promise<Binding> {
  const { storageClassName: storageClass = '', volumeName = '' } = claim.spec ?? {};
  // A claim for a certain volume is bound at once.
  if (storageClass === '' || volumeName !== '' || claim.status?.phase === 'Bound') {
    return { when: 'at-once', storageClass };
  }
  try {
    const found = await patiently(`read storage class ${storageClass}`, patience, () => api.get(CLASSES, storageClass));
    return { when: found?.volumeBindingMode === FIRST_CONSUMER ? 'first-consumer' : 'at-once', storageClass };
  } catch (error) {
    // Classes are of the whole cluster: many a task may not read them.
    if (error instanceof RunError && error.code === 'Forbidden') {
      return { when: 'unknown', storageClass };
    }
    throw error;
  }
}

/** The controller says of a claim, soon after it was made, that it waits for a pod: looked for a few times. */
const LOOKS_MS = [1000, 3000, 6000];

/** @returns whether the events of a claim tell that it waits for a pod; false, too, when the signal was aborted */
export async function waitsForConsumer(
  api: ObjectApi,
  namespace: string,
  uid: string,
  signal: AbortSignal,
): Promise<boolean> {
  for (const ms of LOOKS_MS) {
    await pause(ms, signal);
    if (signal.aborted) {
      return false;
    }
    // They would only save a wait.
    const events = await api.events(namespace, uid).catch(() => []);
    if (events.some(({ reason }) => reason === FIRST_CONSUMER)) {
      return true;
    }
  }
  return false;
}
