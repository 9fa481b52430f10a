import { asKubeError } from '../api/errors.js';
import type { ObjectApi } from '../api/object-api.js';
import { patiently } from './patience.js';
import { pause } from '../pause.js';
import { parseSidecarLog, type ResultRequest, SIDECAR, type SidecarResult } from './result-sidecar.js';

export interface ResultPlace {
  readonly api: ObjectApi;
  readonly namespace: string;
  readonly pod: string;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

/** The result of a run, or why there is none. */
export type RunResult =
  | { readonly json: string }
  | {
      readonly reason: 'ResultMissing' | 'ResultEmpty' | 'ResultInvalid' | 'ResultTooLarge';
      readonly message: string;
    };

const HEADER_BYTES = 256;
/** The runtime may write the last lines of a log a moment after it has told of the container's end. */
const LOOKS = 5;
const LOOK_EVERY_MS = 100;

/** Reads the result from the log of the sidecar, which has ended. */
export async function readResult(request: ResultRequest, place: ResultPlace): Promise<RunResult> {
  let found: SidecarResult = { kind: 'incomplete' };
  for (let look = 1; look <= LOOKS && found.kind === 'incomplete' && !place.signal.aborted; look += 1) {
    if (look > 1) {
      await pause(LOOK_EVERY_MS, place.signal);
    }
    try {
      found = parseSidecarLog(await patiently('read the result', place, () => readLog(request, place)));
    } catch (error) {
      return { reason: 'ResultMissing', message: `the result cannot be read: ${asKubeError(error).message}` };
    }
  }
  return describe(found, request);
}

async function readLog({ maxBytes }: ResultRequest, { api, namespace, pod, signal }: ResultPlace): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const query = { container: SIDECAR, limitBytes: maxBytes + HEADER_BYTES };
  await api.podLog(namespace, pod, query, { signal }, (chunk) => chunks.push(chunk));
  return Buffer.concat(chunks);
}

function describe(found: SidecarResult, { path, maxBytes }: ResultRequest): RunResult {
  switch (found.kind) {
    case 'json':
      return { json: found.json };
    case 'missing':
      return { reason: 'ResultMissing', message: `the container has written no ${path}: write JSON there` };
    case 'unreadable':
      return { reason: 'ResultMissing', message: `the sidecar may not read ${path}: make it readable for all users` };
    case 'empty':
      return { reason: 'ResultEmpty', message: `${path} is empty: write JSON there, 'null' for no result` };
    case 'invalid':
      return { reason: 'ResultInvalid', message: `${path} holds no JSON: ${found.why}` };
    case 'too-large': {
      const message = `${path} has ${found.bytes} bytes, and a result may have ${maxBytes}: store it elsewhere`;
      return { reason: 'ResultTooLarge', message };
    }
    case 'incomplete': {
      const why = 'the sidecar was killed before it could write it, or the node keeps too little of its log';
      return { reason: 'ResultMissing', message: `the result in ${path} has not arrived whole: ${why}` };
    }
  }
}
