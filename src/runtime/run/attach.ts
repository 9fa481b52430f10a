import type { ObjectApi } from '../api/object-api.js';
import { RunError } from './events.js';
import type { Launched } from './launch.js';
import { patiently } from './patience.js';
import { podsOf, type RunPod } from './pod-view.js';
import type { RunRequest } from './request.js';

export interface AttachOptions {
  readonly api: ObjectApi;
  readonly request: RunRequest;
  readonly pod: NonNullable<RunRequest['attach']>;
  readonly namespace: string;
  readonly signal: AbortSignal;
}

/**
 * Goes on with a pod that another process has created. One whose uid is known is not read here: its watch does it.
 * @throws RunError, KubeError
 */
export async function attach({ api, request, pod, namespace, signal }: AttachOptions): Promise<Launched<RunPod>> {
  const { name, uid } = pod;
  if (uid !== null) {
    return { how: 'reattached', name, namespace, uid, resourceVersion: '', found: null };
  }
  const patience = { patienceMs: request.patienceSeconds * 1000, signal };
  const found = await patiently('read the pod', patience, () => api.get(podsOf(namespace), name));
  if (found?.metadata?.uid === undefined) {
    throw new RunError('Refused', `there is no pod ${namespace}/${name} to go on with`);
  }
  const { metadata } = found;
  const { resourceVersion = '' } = metadata;
  return { how: 'reattached', name, namespace, uid: metadata.uid ?? '', resourceVersion, found };
}
