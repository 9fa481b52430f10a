import { asKubeError, KubeError } from '../api/errors.js';
import type { Collection, KubeObject, ObjectApi, ObjectMeta } from '../api/object-api.js';
import { steadyNow } from '../clock.js';
import { decideCreate } from '../launch/create-decision.js';
import { type EventSink, RunError } from './events.js';
import { RUN_LABELS, runName, taskSelector } from './identity.js';
import { ObjectWatch } from './object-watch.js';
import { patiently, type Patience, pauseBeforeRetry, refused, unreachable } from './patience.js';
import { describeRefusal } from './refusal.js';
import type { RunRequest } from './request.js';

/** The object that a run follows. */
export interface Launched<T> {
  readonly how: 'created' | 'reattached';
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** As it was found; null: it was made just now. */
  readonly found: T | null;
}

/** What a launch needs of a request. */
export type LaunchRequest = Pick<
  RunRequest,
  | 'layers'
  | 'task'
  | 'name'
  | 'exactName'
  | 'reattach'
  | 'patienceSeconds'
  | 'scheduleTimeoutSeconds'
  | 'startupTimeoutSeconds'
>;

export interface LaunchOptions<T extends KubeObject> {
  readonly api: ObjectApi;
  readonly where: Collection<T> & { readonly namespace: string };
  readonly request: LaunchRequest;
  /** Without name and namespace. */
  readonly body: Readonly<Record<string, unknown>>;
  /** As the manifest has it. */
  readonly name: string | null;
  /** Label of the operator, by which later tries find what this one made. */
  readonly operator: string;
  /** What has this name, and an operator made it, is deleted to make room when it has ended. Default: it is not. */
  readonly hasEnded?: ((found: T) => boolean) | undefined;
  readonly random: string;
  readonly sink: EventSink<{ readonly type: 'warning'; readonly message: string }>;
  /** Nothing is created after it. */
  readonly signal: AbortSignal;
  readonly create?: CreatePod;
}

/**
 * Creates an object whose manifest has its name and namespace, once. Default: by the API.
 * @throws KubeError as a create of the API does, RunError when no repetition mends it
 */
export type CreatePod = (
  namespace: string,
  manifest: Readonly<Record<string, unknown>>,
  name: string,
) => Promise<ObjectMeta>;

/** Objects of one task that were kept. */
const MAX_GENERATIONS = 200;
const DEFAULT_QUOTA_WAIT_S = 600;

/** What is to be done with what earlier tries left behind; pure. */
export type Found<T> =
  | { readonly next: 'reattach'; readonly object: T }
  /** It is on its way out: two at once are one too many. */
  | { readonly next: 'await-end'; readonly object: T }
  /** It has ended, and has the name that is needed. */
  | { readonly next: 'replace'; readonly object: T }
  | { readonly next: 'create'; readonly name: string };

/** @param hasEnded asked of what has the only name there is. Default: it is not replaced */
export function decideFound<T extends KubeObject>(
  objects: readonly T[],
  nameOf: (generation: number) => string,
  noun: string,
  hasEnded: (found: T) => boolean = () => false,
): Found<T> {
  const open = objects.filter(({ metadata }) => metadata?.labels?.[RUN_LABELS.CHECKED] !== 'True');
  const youngest = [...open].sort((one, other) => born(other).localeCompare(born(one)));
  const living = youngest.find(({ metadata }) => metadata?.deletionTimestamp === undefined);
  if (living !== undefined) {
    return { next: 'reattach', object: living };
  }
  if (youngest[0] !== undefined) {
    return { next: 'await-end', object: youngest[0] };
  }
  const taken = new Map(objects.map((object) => [object.metadata?.name, object]));
  const kept = taken.get(nameOf(0));
  if (nameOf(0) === nameOf(1) && kept !== undefined) {
    if (hasEnded(kept)) {
      return { next: 'replace', object: kept };
    }
    throw new RunError(
      'NameTaken',
      `${noun} ${nameOf(0)} of an earlier try is kept: delete it, or let names have a suffix`,
    );
  }
  for (let generation = 0; generation < MAX_GENERATIONS; generation += 1) {
    const name = nameOf(generation);
    if (!taken.has(name)) {
      return { next: 'create', name };
    }
  }
  throw new RunError('Refused', `${MAX_GENERATIONS} ${noun}s of this task are kept already: delete some of them`);
}

function born({ metadata }: KubeObject): string {
  return metadata?.creationTimestamp ?? '';
}

/** As messages call one of a collection. */
function nounOf({ plural }: Collection<KubeObject>): string {
  return plural.replace(/s$/, '');
}

/**
 * Makes the object of a run, or finds the one that an earlier try made.
 * @throws RunError, KubeError
 */
export async function launch<T extends KubeObject>(options: LaunchOptions<T>): Promise<Launched<T>> {
  const { request } = options;
  const named = { ...request, name: request.name ?? options.name };
  const nameOf = (generation: number): string => runName(named, generation, options.random);
  // A first try has nothing to go on with but an object of the same name. Later ones look: the name may have been edited.
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
async function create<T extends KubeObject>(options: LaunchOptions<T>, name: string): Promise<Launched<T> | null> {
  const { api, body, where, request, signal, sink } = options;
  const { namespace, plural } = where;
  const metadata = body.metadata as Record<string, unknown>;
  const manifest = { ...body, metadata: { ...metadata, name, namespace } };
  const startedAt = steadyNow();
  let toldWait = false;
  const isStopped = (): boolean => signal.aborted;
  for (let failures = 1; ; failures += 1) {
    if (isStopped()) {
      throw stoppedBefore(where);
    }
    try {
      const { uid = '', resourceVersion = '' } = await (options.create === undefined
        ? api.create(where, manifest, { strict: true })
        : options.create(namespace, manifest, name));
      return { how: 'created', name, namespace, uid, resourceVersion, found: null };
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
        const reason = refused(`create ${plural} in namespace ${namespace}`, error);
        const message = describeRefusal(decision.message, error.causes, request.layers);
        throw reason instanceof RunError ? reason : new RunError('Refused', message, error);
      }
      const quota = decision.next === 'quota';
      if (!toldWait) {
        toldWait = true;
        const why = quota ? `waiting for room in namespace ${namespace}` : `the ${nounOf(where)} cannot be created now`;
        sink.tell({ type: 'warning', message: `${why}, trying again: ${error.message}` });
      }
      const waitS = quota ? (request.scheduleTimeoutSeconds ?? DEFAULT_QUOTA_WAIT_S) : request.patienceSeconds;
      if (steadyNow() - startedAt > waitS * 1000) {
        throw quota ? new RunError('Refused', error.message, error) : unreachable(`create the ${nounOf(where)}`, error);
      }
      await pauseBeforeRetry(error, failures, signal);
      if (isStopped() && decision.next === 'retry' && decision.uncertain) {
        // What may exist must be found, so that it can be deleted.
        return await readBack(options, name);
      }
    }
  }
}

async function readBack<T extends KubeObject>({ api, where }: LaunchOptions<T>, name: string): Promise<Launched<T>> {
  const found = await api.get(where, name);
  if (found === null) {
    throw stoppedBefore(where);
  }
  const { uid = '', resourceVersion = '' } = found.metadata ?? {};
  return { how: 'created', name, namespace: where.namespace, uid, resourceVersion, found };
}

function stoppedBefore(where: Collection<KubeObject>): RunError {
  return new RunError('Unreachable', `stopped before the ${nounOf(where)} was created`);
}

/** @returns the name to create next, or what to go on with */
async function find<T extends KubeObject>(
  options: LaunchOptions<T>,
  nameOf: (generation: number) => string,
  taken: string | null,
): Promise<string | Launched<T>> {
  const { api, where, request, operator } = options;
  const { namespace, plural } = where;
  const { task, reattach } = request;
  if (task === null) {
    return readOwn(options, taken ?? nameOf(0));
  }
  const selector = { labels: taskSelector({ task, reattach }, operator) };
  const { items, resourceVersion } = await patiently(
    `list ${plural} in namespace ${namespace}`,
    patienceOf(options),
    () => api.list(where, selector),
  );
  if (taken !== null && !items.some(({ metadata }) => metadata?.name === taken)) {
    await makeRoom(options, taken);
  }
  const found = decideFound(items, nameOf, nounOf(where), options.hasEnded);
  if (found.next === 'create') {
    return found.name;
  }
  const { name = '', uid = '', labels = {} } = found.object.metadata ?? {};
  if (found.next === 'replace') {
    await replace(options, found.object);
    return name;
  }
  if (found.next === 'await-end') {
    await awaitGone(options, name, uid, resourceVersion);
    return nameOf(0);
  }
  if (labels.try_number !== String(task.tryNumber)) {
    await takeOver(options, name, uid, task.tryNumber);
  }
  return { how: 'reattached', name, namespace, uid, resourceVersion, found: found.object };
}

/** The name is random: what has it is what an unanswered create of ours made, or it was chosen by the user. */
async function readOwn<T extends KubeObject>(options: LaunchOptions<T>, name: string): Promise<string | Launched<T>> {
  const { where, request } = options;
  const found = await read(options, name);
  if (found === null) {
    return name;
  }
  if (request.exactName) {
    throw nameTaken(options, found);
  }
  const { uid = '', resourceVersion = '' } = found.metadata ?? {};
  return { how: 'created', name, namespace: where.namespace, uid, resourceVersion, found };
}

/** What has the name is none of this task: it goes, if it may, or the name is refused. */
async function makeRoom<T extends KubeObject>(options: LaunchOptions<T>, name: string): Promise<void> {
  const found = await read(options, name);
  if (found === null) {
    return;
  }
  const isOperators = found.metadata?.labels?.[options.operator] === 'True';
  if (options.hasEnded === undefined || !isOperators || !options.hasEnded(found)) {
    throw nameTaken(options, found);
  }
  await replace(options, found);
}

async function replace<T extends KubeObject>(options: LaunchOptions<T>, { metadata = {} }: T): Promise<void> {
  const { api, where, sink } = options;
  const { name = '', uid = '', resourceVersion = '' } = metadata;
  sink.tell({ type: 'warning', message: `${nounOf(where)} ${name} of ${ownerOf(metadata)} has ended and makes room` });
  await patiently(`delete the ${nounOf(where)}`, patienceOf(options), () =>
    api.delete(where, name, uid, null, 'Background'),
  );
  await awaitGone(options, name, uid, resourceVersion);
}

function read<T extends KubeObject>(options: LaunchOptions<T>, name: string): Promise<T | null> {
  const { api, where } = options;
  return patiently(`read the ${nounOf(where)}`, patienceOf(options), () => api.get(where, name));
}

function patienceOf({ request, signal }: Pick<LaunchOptions<KubeObject>, 'request' | 'signal'>): Patience {
  return { patienceMs: request.patienceSeconds * 1000, signal };
}

function nameTaken<T extends KubeObject>({ where }: LaunchOptions<T>, { metadata = {} }: T): RunError {
  const what = `${nounOf(where)} ${where.namespace}/${metadata.name ?? ''}`;
  return new RunError('NameTaken', `${what} exists and belongs to ${ownerOf(metadata)}: use another name`);
}

function ownerOf({ annotations = {} }: NonNullable<KubeObject['metadata']>): string {
  const { dag_id: dag, task_id: task, run_id: run } = annotations;
  return dag === undefined ? 'something else' : `DAG ${dag}, task ${task ?? ''}, run ${run ?? ''}`;
}

/** An older worker that is still there sees by the label that the object is not its own any more. */
async function takeOver<T extends KubeObject>(
  options: LaunchOptions<T>,
  name: string,
  uid: string,
  tryNumber: number,
): Promise<void> {
  const { api, where, sink } = options;
  const noun = nounOf(where);
  const change = { metadata: { uid, labels: { try_number: String(tryNumber) } } };
  try {
    await patiently(`patch the ${noun}`, patienceOf(options), () => api.patch(where, name, change));
  } catch (error) {
    // Gone or forbidden: the watch tells of the one, and the other hurts nobody but an older worker.
    sink.tell({ type: 'warning', message: `${noun} ${name} keeps its label try_number: ${(error as Error).message}` });
  }
}

async function awaitGone<T extends KubeObject>(
  options: LaunchOptions<T>,
  name: string,
  uid: string,
  resourceVersion: string,
): Promise<void> {
  const { api, where, request, signal, sink } = options;
  const noun = nounOf(where);
  sink.tell({ type: 'warning', message: `waiting for the end of ${noun} ${name}, which an earlier try left behind` });
  const limit = AbortSignal.timeout((request.startupTimeoutSeconds ?? DEFAULT_QUOTA_WAIT_S) * 1000);
  const seen = { gone: false };
  const watch = new ObjectWatch<T>({
    api,
    where,
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
    const what = `${noun} ${where.namespace}/${name}`;
    throw new RunError('Refused', `${what} of an earlier try is being deleted and does not end`);
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
