import { asKubeError } from '../api/errors.js';
import type { KubeObject, ObjectApi } from '../api/object-api.js';
import { RunError } from '../run/events.js';
import { patiently, type Patience } from '../run/patience.js';
import type { ApplyRequest } from './request.js';
import { bodyOf, describeName, isMadeBy, nameOf, type Target } from './target.js';

/** An object after it was written. */
export interface Written {
  readonly target: Target;
  readonly action: 'created' | 'configured' | 'unchanged' | 'reattached';
  readonly uid: string;
  /** The version to watch from; empty: read it first. */
  readonly resourceVersion: string;
  /** null: it was not read back. */
  readonly object: KubeObject | null;
}

export interface WriteContext {
  readonly api: ObjectApi;
  readonly request: ApplyRequest;
  readonly maker: string;
  readonly patience: Patience;
}

const HTTP_CONFLICT = 409;

/** Does a run of this request need to know later which objects it made? Pure. */
export function remembers({ action, onFinish, onKill }: ApplyRequest): boolean {
  return action === 'create' || onFinish !== 'keep' || onKill === 'delete';
}

/**
 * Applies or creates one object; safe to repeat.
 * @throws RunError, KubeError
 */
export async function write(target: Target, context: WriteContext): Promise<Written> {
  return context.request.action === 'create' ? create(target, context) : apply(target, context);
}

async function apply(target: Target, { api, maker, patience, request }: WriteContext): Promise<Written> {
  const { fieldManager, force } = request;
  const body = bodyOf(target, remembers(request) && target.ours ? maker : null);
  const { object } = await patiently(`apply ${describeName(nameOf(target))}`, patience, () =>
    api.apply(target.where, target.document.name, body, { fieldManager, force, strict: true }),
  );
  const { uid = '', resourceVersion = '' } = object.metadata ?? {};
  const same = target.before?.metadata?.resourceVersion === resourceVersion;
  const action = target.before === null ? 'created' : same ? 'unchanged' : 'configured';
  return { target, action, uid, resourceVersion, object };
}

async function create(target: Target, context: WriteContext): Promise<Written> {
  const { api, maker, patience } = context;
  const what = describeName(nameOf(target));
  if (target.before !== null) {
    return found(target, target.before);
  }
  try {
    const { uid = '' } = await patiently(`create ${what}`, patience, () =>
      api.create(target.where, bodyOf(target, maker), { strict: true }),
    );
    return { target, action: 'created', uid, resourceVersion: '', object: null };
  } catch (error) {
    if (asKubeError(error).status !== HTTP_CONFLICT || error instanceof RunError) {
      throw error;
    }
    // An unanswered create of ours may have made it.
    const there = await patiently(`read ${what}`, patience, () => api.get(target.where, target.document.name));
    if (there === null || !isMadeBy(there, maker)) {
      throw new RunError('NameTaken', `${what} was made by somebody else meanwhile`, error);
    }
    return { ...found(target, there), action: 'created' };
  }
}

function found(target: Target, object: KubeObject): Written {
  const { uid = '', resourceVersion = '' } = object.metadata ?? {};
  return { target, action: 'reattached', uid, resourceVersion, object };
}
