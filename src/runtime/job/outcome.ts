import type { JobEnd, JobPodEnd } from './events.js';
import { indexOf, type JobView } from './view.js';
import { endOf, endOfGone, type RunEnd } from '../run/outcome.js';
import { type RunPod, viewPod } from '../run/pod-view.js';

/** A pod of a Job as it was seen last. */
export interface SeenPod {
  readonly pod: RunPod;
  readonly gone: boolean;
}

/** Pods whose reasons are told in words; there may be thousands. */
const TOLD_PODS = 3;
const LISTED_PODS = 100;
const EXPLAINING_PODS = 2;

/** The end of a Job that Kubernetes has told; pure. @param container that the run is about */
export function endOfJob(view: JobView, pods: readonly SeenPod[], container: string): JobEnd {
  const common = { succeeded: view.succeeded, failed: view.failed, pods: podEnds(pods, container) };
  if (view.outcome === 'succeeded') {
    return { ...common, outcome: 'succeeded', exitCode: null, reason: null, message: null, output: null };
  }
  const last = lastFailure(pods, container);
  const indexes = view.failedIndexes === null ? '' : `; failed indexes: ${view.failedIndexes}`;
  return {
    ...common,
    outcome: 'failed',
    exitCode: last?.exitCode ?? null,
    reason: view.reason,
    message: `${view.message ?? 'the Job failed'}${indexes}${inWords(common.pods)}`,
    output: last?.output ?? null,
  };
}

/** A run that is over though the Job is not; pure. */
export function failedJob(
  reason: string,
  message: string,
  view: JobView | null,
  pods: readonly SeenPod[],
  container: string,
): JobEnd {
  const ends = podEnds(pods, container);
  const { succeeded = 0, failed = 0 } = view ?? {};
  const last = lastFailure(pods, container);
  const text = `${message}${inWords(ends)}`;
  return {
    outcome: 'failed',
    exitCode: last?.exitCode ?? null,
    reason,
    message: text,
    output: last?.output ?? null,
    succeeded,
    failed,
    pods: ends,
  };
}

/** How the pods have ended, those that failed first; of very many some. */
function podEnds(pods: readonly SeenPod[], container: string): JobPodEnd[] {
  const all = pods.map((seen): JobPodEnd => {
    const end = endOfPod(seen, container);
    const { outcome = null, exitCode = null, reason = null, message = null } = end ?? {};
    return {
      name: seen.pod.metadata?.name ?? '',
      index: indexOf(seen.pod),
      outcome: outcome === 'killed' ? null : outcome,
      exitCode,
      reason,
      message,
    };
  });
  const rank = ({ outcome }: JobPodEnd): number => (outcome === 'failed' ? 0 : outcome === null ? 1 : 2);
  return all.sort((one, other) => rank(one) - rank(other)).slice(0, LISTED_PODS);
}

/** null: it goes on. */
function endOfPod({ pod, gone }: SeenPod, container: string): RunEnd | null {
  return viewPod(pod, container).terminal ? endOf(pod, container) : gone ? endOfGone(pod, container) : null;
}

/** The pods whose events explain a failure: those that failed last, or else any. */
export function explainingPods(pods: readonly SeenPod[], container: string): RunPod[] {
  const failed = failedPods(pods, container);
  return (failed.length > 0 ? failed : pods.map(({ pod }) => pod)).slice(0, EXPLAINING_PODS);
}

/** The pods that failed, the newest first. */
function failedPods(pods: readonly SeenPod[], container: string): RunPod[] {
  return pods
    .filter((seen) => endOfPod(seen, container)?.outcome === 'failed')
    .map(({ pod }) => pod)
    .sort((one, other) => born(other).localeCompare(born(one)));
}

function lastFailure(pods: readonly SeenPod[], container: string): RunEnd | null {
  const [newest] = failedPods(pods, container);
  const seen = pods.find(({ pod }) => pod === newest);
  return seen === undefined ? null : endOfPod(seen, container);
}

function inWords(ends: readonly JobPodEnd[]): string {
  const failed = ends.filter(({ outcome }) => outcome === 'failed');
  const told = failed.slice(0, TOLD_PODS).map(({ name, index, message, reason }) => {
    const which = index === null ? '' : ` (index ${index})`;
    return `; pod ${name}${which}: ${message ?? reason ?? 'failed'}`;
  });
  const more = failed.length - told.length;
  return `${told.join('')}${more > 0 ? `; and ${more} more` : ''}`;
}

function born({ metadata }: RunPod): string {
  return metadata?.creationTimestamp ?? '';
}
