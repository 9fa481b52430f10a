import type { Collection, KubeObject, ObjectApi } from '../api/object-api.js';
import { RUN_LABELS } from './identity.js';
import { patiently, type Patience } from './patience.js';
import type { RunTask } from './request-parts.js';

/** Of an object whose end is known nobody waits longer for the API server. */
export const CLEANUP_PATIENCE: Patience = { patienceMs: 30_000, signal: new AbortController().signal };

/** How an object is left at the end of its run. */
export interface CleanUp {
  /** For messages: `pod dag-task-x`. */
  readonly what: string;
  readonly isOurs: boolean;
  readonly action: 'delete' | 'mark' | 'keep';
  readonly remove: () => Promise<void>;
  readonly mark: () => Promise<void>;
  readonly warn: (message: string) => void;
}

/** Deletes or marks an object; what goes wrong is told and changes nothing about the run's end. */
export async function cleanUp({ what, isOurs, action, remove, mark, warn }: CleanUp): Promise<'deleted' | 'kept'> {
  try {
    if (!isOurs) {
      warn(`${what} belongs to a later try by now and is left alone`);
    } else if (action === 'delete') {
      await remove();
      return 'deleted';
    } else if (action === 'mark') {
      await mark();
    }
  } catch (error) {
    warn(`${what} is left behind: ${(error as Error).message}`);
  }
  return 'kept';
}

/** A later try that took an object over has written its number on it. */
export function isOurs(last: KubeObject | null, task: RunTask | null): boolean {
  const label = Number(last?.metadata?.labels?.try_number ?? NaN);
  return task === null || !(label > task.tryNumber);
}

/** Later tries must not go on with an object whose end is known. @param noun for errors. @throws RunError, KubeError */
export async function markChecked(
  api: ObjectApi,
  where: Collection<KubeObject>,
  { name, uid }: { readonly name: string; readonly uid: string },
  noun: string,
): Promise<void> {
  const change = { metadata: { uid, labels: { [RUN_LABELS.CHECKED]: 'True' } } };
  await patiently(`label the ${noun}`, CLEANUP_PATIENCE, () => api.patch(where, name, change));
}
