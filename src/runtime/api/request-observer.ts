import { steadyNow } from '../clock.js';
import { asKubeError } from './errors.js';
import type { HttpRequest } from './http2-transport.js';

/** What a request does, in Kubernetes' words. */
export type RequestVerb = 'create' | 'get' | 'list' | 'watch' | 'patch' | 'delete';

/** Hears of each request to the API server when it is over. @param status HTTP status, 0: there was no answer */
export type RequestObserver = (verb: RequestVerb, status: number, ms: number) => void;

const VERBS = { POST: 'create', PATCH: 'patch', DELETE: 'delete' } as const;

/** The verb of a request; pure. */
export function verbOf({ method, path }: Pick<HttpRequest, 'method' | 'path'>): RequestVerb {
  if (method !== 'GET') {
    return VERBS[method];
  }
  return path.includes('watch=true') ? 'watch' : path.includes('limit=') ? 'list' : 'get';
}

/** Tells of a request when it is over, and hands on how it ended. */
export async function observed<T>(
  observe: RequestObserver,
  request: HttpRequest,
  call: () => Promise<T>,
  statusOf: (answer: T) => number,
): Promise<T> {
  const startedAt = steadyNow();
  let status = 0;
  try {
    const answer = await call();
    status = statusOf(answer);
    return answer;
  } catch (error) {
    ({ status } = asKubeError(error));
    throw error;
  } finally {
    observe(verbOf(request), status, steadyNow() - startedAt);
  }
}
