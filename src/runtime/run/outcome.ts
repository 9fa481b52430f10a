import { observe, whyGone } from '../pods/observe.js';
import type { ContainerEnd, RunOutcome } from './events.js';
import type { OnFinish } from './request.js';
import { type RunPod, viewPod } from './pod-view.js';

/** How a run ended, before anything is cleaned up. */
export interface RunEnd {
  readonly outcome: RunOutcome;
  readonly exitCode: number | null;
  readonly reason: string | null;
  readonly message: string | null;
  readonly output: string | null;
  readonly containers: readonly ContainerEnd[];
}

/** The end of a pod that was waited for; pure. */
export function endOf(pod: RunPod, container: string): RunEnd {
  const view = viewPod(pod, container);
  const seen = observe(pod, container);
  const common = { exitCode: seen.exitCode, containers: view.ends };
  const succeeded = view.terminal ? seen.phase === 'succeeded' : seen.exitCode === 0;
  if (succeeded) {
    return { ...common, outcome: 'succeeded', reason: null, message: null, output: null };
  }
  // Other containers go on: the pod does not say yet that it failed.
  const failed = view.terminal ? seen : observe({ ...pod, status: { ...pod.status, phase: 'Failed' } }, container);
  return { ...common, outcome: 'failed', reason: failed.reason, message: failed.message, output: failed.output };
}

/** The end of a pod that is gone. @param last as it was seen last; null: nobody saw how it went */
export function endOfGone(last: RunPod | null, container: string): RunEnd {
  if (last === null) {
    return failure('Deleted', 'the pod is gone, and nobody saw how it ended', null, container);
  }
  const view = viewPod(last, container);
  // Somebody deleted it after its end: all is known.
  if (view.terminal && view.mainEnded) {
    return endOf(last, container);
  }
  const { reason, message } = whyGone(last, container);
  return failure(reason, message, last, container);
}

/** A run that is given up while the pod is there. */
export function failure(reason: string, message: string, pod: RunPod | null, container: string): RunEnd {
  return {
    outcome: 'failed',
    exitCode: pod === null ? null : observe(pod, container).exitCode,
    reason,
    message,
    output: null,
    containers: pod === null ? [] : viewPod(pod, container).ends,
  };
}

/** What becomes of the pod at the end; pure. @param active has it not ended yet? */
export function cleanupOf(onFinish: OnFinish, outcome: RunOutcome, active: boolean): 'delete' | 'keep' {
  switch (onFinish) {
    case 'delete_pod':
      return 'delete';
    case 'keep_pod':
      return 'keep';
    case 'delete_succeeded_pod':
      return outcome === 'succeeded' ? 'delete' : 'keep';
    case 'delete_active_pod':
      return active ? 'delete' : 'keep';
  }
}
