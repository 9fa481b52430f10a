import { KubeError } from './errors.js';

/** The API server takes no object above 3 MiB. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
/** Name, labels, uid and version suffice of an answer to a write. */
export const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

/** An answer that was cut short or garbled on its way is as good as none. The caller says what it must be. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
export function parse<T>(json: string): T {
  try {
    return JSON.parse(json) as T;
  } catch (error) {
    throw new KubeError('connection', `the answer is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** What was asked for, or null when there is no such thing. */
export async function orNull<T>(call: Promise<{ body: string }>): Promise<T | null> {
  try {
    return parse<T>((await call).body);
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) {
      return null;
    }
    throw error;
  }
}

/** A call that may as well end with one of these statuses. */
export async function ignoring(statuses: readonly number[], call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof KubeError) || !statuses.includes(error.status)) {
      throw error;
    }
  }
}

/** Cuts a byte stream at its newlines. */
export class LineSplitter {
  private rest: Buffer[] = [];
  private restBytes = 0;

  constructor(private readonly onLine: (line: string) => void) {}

  /** @returns whether a line ended in this chunk */
  push(chunk: Buffer): boolean {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...this.rest, chunk.subarray(from, at)]).toString('utf8');
      this.rest = [];
      this.restBytes = 0;
      from = at + 1;
      if (line !== '') {
        this.onLine(line);
      }
    }
    if (from < chunk.length) {
      this.rest.push(chunk.subarray(from));
      this.restBytes += chunk.length - from;
      if (this.restBytes > MAX_LINE_BYTES) {
        throw new KubeError('connection', `a line of the watch is longer than ${MAX_LINE_BYTES} bytes`);
      }
    }
    return from > 0;
  }
}
