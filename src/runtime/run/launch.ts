import { asKubeError, KubeError } from '../api/errors.js';
import type { ObjectApi, ObjectMeta } from '../api/object-api.js';
import { steadyNow } from '../clock.js';
import { decideCreate } from '../launch/create-decision.js';
import type { PodManifest } from '../pods/merge.js';
import { RunError, type RunSink } from './events.js';
import { RUN_LABELS, runName, taskSelector } from './identity.js';
import type { RunManifest } from './manifest.js';
import { ObjectWatch } from './object-watch.js';
import { patiently, type Patience, pauseBeforeRetry, refused, unreachable } from './patience.js';
import { podsOf, type RunPod } from './pod-view.js';
import type { RunRequest } from './request.js';

/** The pod that a run follows. */
export interface Launched {
  readonly how: 'created' | 'reattached';
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** As it was found; null: it was made just now. */
  readonly pod: RunPod | null;
}

export interface LaunchOptions {
  readonly api: ObjectApi;
  readonly request: RunRequest;
  readonly manifest: RunManifest;
  readonly namespace: string;
  readonly random: string;
  readonly sink: RunSink;
  /** Nothing is created after it. */
  readonly signal: AbortSignal;
  readonly create?: CreatePod;
}

/**
 * Creates a pod whose manifest has its name and namespace, once. Default: by the API.
 * @throws KubeError as a create of the API does, RunError when no repetition mends it
 */
export type CreatePod = (namespace: string, pod: PodManifest, name: string) => Promise<ObjectMeta>;

/** Pods of one task that were kept. */
const MAX_GENERATIONS = 200;
const DEFAULT_QUOTA_WAIT_S = 600;

/** What is to be done with the pods that earlier tries left behind; pure. */
export type Found =
  | { readonly next: 'reattach'; readonly pod: RunPod }
  /** It is on its way out: two at once are one too many. */
  | { readonly next: 'await-end'; readonly pod: RunPod }
  | { readonly next: 'create'; readonly name: string };

export function decideFound(pods: readonly RunPod[], nameOf: (generation: number) => string): Found {
  const open = pods.filter(({ metadata }) => metadata?.labels?.[RUN_LABELS.CHECKED] !== 'True');
  const youngest = [...open].sort((one, other) => born(other).localeCompare(born(one)));
  const living = youngest.find(({ metadata }) => metadata?.deletionTimestamp === undefined);
  if (living !== undefined) {
    return { next: 'reattach', pod: living };
  }
  if (youngest[0] !== undefined) {
    return { next: 'await-end', pod: youngest[0] };
  }
  const taken = new Set(pods.map(({ metadata }) => metadata?.name));
  if (nameOf(0) === nameOf(1) && taken.has(nameOf(0))) {
    throw new RunError(
      'NameTaken',
      `pod ${nameOf(0)} of an earlier try is kept: delete it, or let names have a suffix`,
    );
  }
  for (let generation = 0; generation < MAX_GENERATIONS; generation += 1) {
    const name = nameOf(generation);
    if (!taken.has(name)) {
      return { next: 'create', name };
    }
  }
  throw new RunError('Refused', `${MAX_GENERATIONS} pods of this task are kept already: delete some of them`);
}

function born({ metadata }: RunPod): string {
  return metadata?.creationTimestamp ?? '';
}

/**
 * Makes the pod of a run, or finds the one that an earlier try made.
 * @throws RunError, KubeError
 */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const { request } = options;
  const named = { ...request, name: request.name ?? options.manifest.name };
  const nameOf = (generation: number): string => runName(named, generation, options.random);
  // A first try has nothing to go on with but a pod of the same name. Later ones look: the name may have been edited.
  const isLater = request.task !== null && request.reattach && request.task.tryNumber > 1;
  let name: string | null = isLater ? null : nameOf(0);
  for (;;) {
    if (name !== null) {
      const made = await create(options, name);
      if (made !== null) {
        return made;
      }
    }
    const found = await find(options, nameOf, name);
    if (typeof found !== 'string') {
      return found;
    }
    name = found;
  }
}

/** @returns null when the name is taken */
async function create(options: LaunchOptions, name: string): Promise<Launched | null> {
  const { api, manifest, namespace, request, signal, sink } = options;
  const { pod } = manifest;
  const metadata = pod.metadata as Record<string, unknown>;
  const body = { ...pod, metadata: { ...metadata, name, namespace } };
  const startedAt = steadyNow();
  let toldWait = false;
  const isStopped = (): boolean => signal.aborted;
  for (let failures = 1; ; failures += 1) {
    if (isStopped()) {
      throw new RunError('Unreachable', 'stopped before the pod was created');
    }
    try {
      const { uid = '', resourceVersion = '' } = await (options.create === undefined
        ? api.create(podsOf(namespace), body)
        : options.create(namespace, body, name));
      return { how: 'created', name, namespace, uid, resourceVersion, pod: null };
    } catch (thrown) {
      if (thrown instanceof RunError) {
        throw thrown;
      }
      const error = asKubeError(thrown);
      const decision = decideCreate(error);
      if (decision.next === 'read-back') {
        return null;
      }
      if (decision.next === 'refuse') {
        const reason = refused(`create pods in namespace ${namespace}`, error);
        throw reason instanceof RunError ? reason : new RunError('Refused', decision.message, error);
      }
      const quota = decision.next === 'quota';
      if (!toldWait) {
        toldWait = true;
        const why = quota ? `waiting for room in namespace ${namespace}` : 'the pod cannot be created now';
        sink.tell({ type: 'warning', message: `${why}, trying again: ${error.message}` });
      }
      const waitS = quota ? (request.scheduleTimeoutSeconds ?? DEFAULT_QUOTA_WAIT_S) : request.patienceSeconds;
      if (steadyNow() - startedAt > waitS * 1000) {
        throw quota ? new RunError('Refused', error.message, error) : unreachable('create the pod', error);
      }
      await pauseBeforeRetry(error, failures, signal);
      if (isStopped() && decision.next === 'retry' && decision.uncertain) {
        // What may exist must be found, so that it can be deleted.
        return await readBack(options, name);
      }
    }
  }
}

async function readBack({ api, namespace }: LaunchOptions, name: string): Promise<Launched | null> {
  const pod = await api.get(podsOf(namespace), name);
  if (pod === null) {
    throw new RunError('Unreachable', 'stopped before the pod was created');
  }
  const { uid = '', resourceVersion = '' } = pod.metadata ?? {};
  return { how: 'created', name, namespace, uid, resourceVersion, pod };
}

/** @returns the name to create next, or the pod to go on with */
async function find(
  options: LaunchOptions,
  nameOf: (generation: number) => string,
  taken: string | null,
): Promise<string | Launched> {
  const { api, namespace, request } = options;
  const { task, reattach } = request;
  if (task === null) {
    return readOwn(options, taken ?? nameOf(0));
  }
  const selector = { labels: taskSelector({ task, reattach }) };
  const { items, resourceVersion } = await patiently(`list pods in namespace ${namespace}`, patienceOf(options), () =>
    api.list(podsOf(namespace), selector),
  );
  if (taken !== null && !items.some(({ metadata }) => metadata?.name === taken)) {
    await refuseForeign(options, taken);
  }
  const found = decideFound(items, nameOf);
  if (found.next === 'create') {
    return found.name;
  }
  const { name = '', uid = '', labels = {} } = found.pod.metadata ?? {};
  if (found.next === 'await-end') {
    await awaitGone(options, name, uid, resourceVersion);
    return nameOf(0);
  }
  if (labels.try_number !== String(task.tryNumber)) {
    await takeOver(options, name, uid, task.tryNumber);
  }
  return { how: 'reattached', name, namespace, uid, resourceVersion, pod: found.pod };
}

/** The name is random: what has it is what an unanswered create of ours made, or it was chosen by the user. */
async function readOwn(options: LaunchOptions, name: string): Promise<string | Launched> {
  const { namespace, request } = options;
  const pod = await read(options, name);
  if (pod === null) {
    return name;
  }
  if (request.exactName) {
    throw nameTaken(namespace, name);
  }
  const { uid = '', resourceVersion = '' } = pod.metadata ?? {};
  return { how: 'created', name, namespace, uid, resourceVersion, pod };
}

async function refuseForeign(options: LaunchOptions, name: string): Promise<void> {
  if ((await read(options, name)) !== null) {
    throw nameTaken(options.namespace, name);
  }
}

function read(options: LaunchOptions, name: string): Promise<RunPod | null> {
  const { api, namespace } = options;
  return patiently('read the pod', patienceOf(options), () => api.get(podsOf(namespace), name));
}

function patienceOf({ request, signal }: LaunchOptions): Patience {
  return { patienceMs: request.patienceSeconds * 1000, signal };
}

function nameTaken(namespace: string, name: string): RunError {
  return new RunError('NameTaken', `pod ${namespace}/${name} exists and belongs to something else: use another name`);
}

/** An older worker that is still there sees by the label that the pod is not its own any more. */
async function takeOver(options: LaunchOptions, name: string, uid: string, tryNumber: number): Promise<void> {
  const { api, namespace, sink } = options;
  const change = { metadata: { uid, labels: { try_number: String(tryNumber) } } };
  try {
    await patiently('patch the pod', patienceOf(options), () => api.patch(podsOf(namespace), name, change));
  } catch (error) {
    // Gone or forbidden: the watch tells of the one, and the other hurts nobody but an older worker.
    sink.tell({ type: 'warning', message: `pod ${name} keeps its label try_number: ${(error as Error).message}` });
  }
}

async function awaitGone(options: LaunchOptions, name: string, uid: string, resourceVersion: string): Promise<void> {
  const { api, namespace, request, signal, sink } = options;
  sink.tell({ type: 'warning', message: `waiting for the end of pod ${name}, which an earlier try left behind` });
  const limit = AbortSignal.timeout((request.startupTimeoutSeconds ?? DEFAULT_QUOTA_WAIT_S) * 1000);
  const seen = { gone: false };
  const watch = new ObjectWatch({
    api,
    where: podsOf(namespace),
    name,
    uid,
    resourceVersion,
    patienceMs: request.patienceSeconds * 1000,
    signal: AbortSignal.any([signal, limit]),
    onObject: () => undefined,
    onGone: () => (seen.gone = true),
  });
  await watch.run();
  if (!seen.gone && limit.aborted) {
    throw new RunError('Refused', `pod ${namespace}/${name} of an earlier try is being deleted and does not end`);
  }
}

/** As the user needs it said. */
export function asRunError(error: unknown): RunError {
  if (error instanceof RunError) {
    return error;
  }
  if (error instanceof KubeError) {
    return new RunError('Refused', error.message, error);
  }
  return new RunError('Internal', String((error as Error).stack ?? error), error);
}
