import type { Collection, KubeObject, ObjectApi } from '../api/object-api.js';
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

/**
 * The class that binds a claim only when a pod uses it; null when the claim is bound sooner, or nobody may look.
 * @param claim as the server has it, or would
 */
export async function firstConsumerClass(
  claim: Claim & { readonly status?: { readonly phase?: string } },
  api: ObjectApi,
  patience: Patience,
): Promise<string | null> {
  const { storageClassName = '', volumeName = '' } = claim.spec ?? {};
  // A claim for a certain volume is bound at once.
  if (storageClassName === '' || volumeName !== '' || claim.status?.phase === 'Bound') {
    return null;
  }
  try {
    const found = await patiently(`read storage class ${storageClassName}`, patience, () =>
      api.get(CLASSES, storageClassName),
    );
    return found?.volumeBindingMode === FIRST_CONSUMER ? storageClassName : null;
  } catch (error) {
    // Classes are of the whole cluster; who may not read them finds out at the timeout.
    if (error instanceof RunError && error.code === 'Forbidden') {
      return null;
    }
    throw error;
  }
}
