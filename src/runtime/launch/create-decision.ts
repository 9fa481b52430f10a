import { isTransient, type KubeError } from '../api/errors.js';

/** What follows from a create that did not succeed. */
export type CreateDecision =
  /** The name is taken: look whether the pod is ours. */
  | { readonly next: 'read-back' }
  /** Repeat under the same name. `uncertain`: the pod may exist. `overloaded`: create fewer at once. */
  | {
      readonly next: 'retry';
      readonly uncertain: boolean;
      readonly overloaded: boolean;
      readonly retryAfterMs: number | null;
    }
  /** No room in the namespace now: wait there, and tell. */
  | { readonly next: 'quota'; readonly message: string }
  /** The API server will never take it. */
  | { readonly next: 'refuse'; readonly reason: string; readonly message: string };

/** Decides what follows from a failed create; pure. */
export function decideCreate(error: KubeError): CreateDecision {
  if (error.failure !== 'response') {
    return { next: 'retry', uncertain: true, overloaded: error.failure === 'timeout', retryAfterMs: null };
  }
  if (error.status === 409) {
    // Two creates that meet at one quota also read as a conflict; only AlreadyExists is about the name.
    return error.reason === 'AlreadyExists'
      ? { next: 'read-back' }
      : { next: 'retry', uncertain: false, overloaded: false, retryAfterMs: error.retryAfterMs };
  }
  if (error.status === 403 && isQuota(error.message)) {
    return { next: 'quota', message: error.message };
  }
  if (isTooLarge(error)) {
    const fix = 'make the arguments and the pod_override of the task smaller (etcd takes 1.5 MiB)';
    return {
      next: 'refuse',
      reason: 'RequestEntityTooLarge',
      message: `the pod is too large: ${error.message}; ${fix}`,
    };
  }
  if (isTransient(error)) {
    return {
      next: 'retry',
      // A refusal for load (429) or for credentials (401) is certain; a 5xx may come after the write.
      uncertain: error.status >= 500,
      overloaded: error.status === 429 || error.status === 503,
      retryAfterMs: error.retryAfterMs,
    };
  }
  const reason = error.reason === '' ? `HTTP${error.status}` : error.reason;
  return { next: 'refuse', reason, message: error.message };
}

/** `failed quota: … must specify` is not a lack of room: the pod lacks a resource request and always will. */
function isQuota(message: string): boolean {
  return message.includes('exceeded quota');
}

/** The API server says so itself above 3 MiB; below, etcd and its client do, and the answer is a mere 500. */
function isTooLarge({ status, message }: KubeError): boolean {
  return status === 413 || /request is too large|trying to send message larger than max/.test(message);
}
