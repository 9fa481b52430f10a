import { observe, type RawPod } from '../pods/observe.js';
import type { Collection } from '../api/object-api.js';
import type { ContainerEnd } from './events.js';
import { SIDECAR } from './result-sidecar.js';

export type RunPod = RawPod;

export function podsOf(namespace: string): Collection<RunPod> & { readonly namespace: string } {
  return { apiVersion: 'v1', plural: 'pods', namespace };
}

/** How far a pod has come. */
export type RunStage =
  /** It has no node. */
  | 'pending'
  /** It has a node; the container that the run is about has not started. */
  | 'scheduled'
  | 'running'
  /** Its end is known. */
  | 'ended';

/** What matters of a pod to a run. */
export interface PodView {
  readonly stage: RunStage;
  readonly node: string | null;
  /** Why it does not go on. */
  readonly reason: string | null;
  readonly message: string | null;
  /** Has the pod as a whole ended? */
  readonly terminal: boolean;
  /** Has the container that the run is about ended? */
  readonly mainEnded: boolean;
  /** Something runs in it, be it an init container: it has started, and takes its time. */
  readonly busy: boolean;
  /** Containers that have a log. */
  readonly started: ReadonlySet<string>;
  /** Containers that write nothing any more. */
  readonly stopped: ReadonlySet<string>;
  readonly ends: readonly ContainerEnd[];
  readonly deleting: boolean;
}

/** The view of a pod; pure. @param container that the run is about */
export function viewPod(pod: RunPod, container: string): PodView {
  const status = pod.status ?? {};
  const regular = status.containerStatuses ?? [];
  const init = status.initContainerStatuses ?? [];
  const sidecars = new Set(
    (pod.spec?.initContainers ?? []).filter((one) => one.restartPolicy === 'Always').map((one) => one.name),
  );
  const terminal = status.phase === 'Succeeded' || status.phase === 'Failed';
  const all = [...init, ...regular];
  const main = regular.find(({ name }) => name === container);
  const seen = observe(pod, container);
  const mainEnded = main?.state?.terminated !== undefined;
  const mainRuns = main?.state?.running !== undefined;
  const nameOf = ({ name = '' }: { name?: string }): string => name;
  return {
    stage: terminal ? 'ended' : mainRuns || mainEnded ? 'running' : seen.node === null ? 'pending' : 'scheduled',
    node: seen.node,
    reason: seen.reason,
    message: seen.message,
    terminal,
    mainEnded,
    busy: mainRuns || mainEnded || init.some((one) => one.state?.running !== undefined && !sidecars.has(one.name)),
    // Of a container that was never created there is no log to read.
    started: new Set(
      all
        .filter(
          ({ state, containerID = '' }) => state?.running !== undefined || (state?.terminated && containerID !== ''),
        )
        .map(nameOf),
    ),
    stopped: new Set(all.filter(({ state }) => terminal || state?.terminated !== undefined).map(nameOf)),
    ends: regular
      .filter(({ name }) => name !== SIDECAR)
      .map(({ name = '', state }) => ({
        name,
        exitCode: state?.terminated?.exitCode ?? null,
        reason: state?.terminated?.reason ?? null,
      })),
    deleting: pod.metadata?.deletionTimestamp !== undefined,
  };
}

/** Reasons that no wait mends. */
const HOPELESS = new Set(['InvalidImageName', 'ErrImageNeverPull']);
const NO_SUCH_IMAGE = /not found|manifest unknown|does not exist|access denied|unauthorized/i;

/** Will the pod never start, however long one waits? Pure. */
export function isHopeless({ stage, reason, message }: PodView): boolean {
  if (stage !== 'scheduled' || reason === null) {
    return false;
  }
  const missing = reason === 'ErrImagePull' || reason === 'ImagePullBackOff';
  return HOPELESS.has(reason) || (missing && NO_SUCH_IMAGE.test(message ?? ''));
}

/**
 * Is there nothing more to wait for? Other containers, such as the proxy of a service mesh, may go on for ever: they
 * hold up the end only while their log is asked for, or while the result waits for the end of the pod. Pure.
 * @param logs containers whose log is asked for
 */
export function isOver(view: PodView, logs: ReadonlySet<string>, hasResult: boolean): boolean {
  if (view.terminal) {
    return true;
  }
  return view.mainEnded && !hasResult && [...logs].every((name) => view.stopped.has(name));
}
