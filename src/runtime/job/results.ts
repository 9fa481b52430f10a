import type { ObjectApi } from '../api/object-api.js';
import type { SeenPod } from './outcome.js';
import { indexOf } from './view.js';
import type { RunPod } from '../run/pod-view.js';
import { readResult, type RunResult } from '../run/read-result.js';
import type { ResultRequest } from '../run/result-sidecar.js';

/** Where the pods are, and how long to ask. */
export interface ResultsPlace {
  readonly api: ObjectApi;
  readonly namespace: string;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

/** At most so many at once. */
const AT_ONCE = 8;

/** The results of the pods that succeeded, as one JSON list, by completion index, else by age; or why there is none. */
export async function readResults(
  request: ResultRequest,
  seen: readonly SeenPod[],
  place: ResultsPlace,
): Promise<RunResult> {
  const pods = seen.map(({ pod }) => pod).filter(({ status }) => status?.phase === 'Succeeded');
  const ordered = [...pods].sort(
    (one, other) => (indexOf(one) ?? 0) - (indexOf(other) ?? 0) || born(one).localeCompare(born(other)),
  );
  const found: string[] = [];
  for (let from = 0; from < ordered.length; from += AT_ONCE) {
    const names = ordered.slice(from, from + AT_ONCE).map(({ metadata }) => metadata?.name ?? '');
    const some = await Promise.all(names.map((pod) => readResult(request, { ...place, pod })));
    for (const [at, result] of some.entries()) {
      if (!('json' in result)) {
        return { ...result, message: `pod ${names[at] ?? ''}: ${result.message}` };
      }
      found.push(result.json);
    }
  }
  return { json: `[${found.join(',')}]` };
}

function born({ metadata }: RunPod): string {
  return `${metadata?.creationTimestamp ?? ''} ${metadata?.name ?? ''}`;
}
