import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { USER_AGENT } from './connection.js';

const entry = z.object({
  stage: z.string(),
  verb: z.string(),
  user: z.object({ username: z.string() }).optional(),
  userAgent: z.string().optional(),
  objectRef: z.object({ namespace: z.string().optional(), resource: z.string() }).optional(),
  responseStatus: z.object({ code: z.number() }).optional(),
  stageTimestamp: z.string(),
});

/** One write to pods, as the API server saw it. */
export interface PodWrite {
  readonly verb: string;
  readonly status: number;
  /** Milliseconds since the epoch at which it was answered. */
  readonly at: number;
}

/** What the cluster and the benchmark do themselves. */
const OTHERS = ['kube-controller-manager', USER_AGENT];

/** The API server's own record of who wrote what: the one judge of what all contenders did. */
export class AuditLog {
  private constructor(private readonly folder: string) {}

  /**
   * The audit log of the local cluster, beside its kubeconfig.
   * @throws Error when it is not there
   */
  static async besides(kubeconfig: string): Promise<AuditLog> {
    const folder = join(dirname(kubeconfig), 'logs');
    await stat(join(folder, 'audit.log')).catch((cause: unknown) => {
      throw new Error('no audit log beside the kubeconfig: the benchmark needs the cluster of scripts/cluster', {
        cause,
      });
    });
    return new AuditLog(folder);
  }

  /** Writes to the pods of a namespace by whoever was measured there, in order of their answers. */
  async podWrites(namespace: string, since: number): Promise<PodWrite[]> {
    const writes: PodWrite[] = [];
    for (const file of await this.filesSince(since)) {
      for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
        const write = line.includes(namespace) ? podWrite(line, namespace) : null;
        if (write !== null) {
          writes.push(write);
        }
      }
    }
    return writes.sort((a, b) => a.at - b.at);
  }

  /**
   * Requests about the pods of a namespace that a service account made in this time, reads too; a watch counts once.
   * @returns null when the cluster's audit policy leaves reads out, because then nobody knows
   */
  async requestsBy(user: string, namespace: string, since: number, until: number): Promise<number | null> {
    let count = 0;
    let readsAreKept = false;
    for (const file of await this.filesSince(since)) {
      for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
        if (!line.includes(user)) {
          continue;
        }
        const request = parse(line);
        if (request?.user?.username !== user || request.objectRef?.namespace !== namespace) {
          continue;
        }
        readsAreKept ||= ['get', 'list', 'watch'].includes(request.verb);
        const at = Date.parse(request.stageTimestamp);
        const countsAt = request.verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete';
        count += request.stage === countsAt && at >= since && at <= until ? 1 : 0;
      }
    }
    return readsAreKept ? count : null;
  }

  /** The log is rotated when it is large. */
  private async filesSince(since: number): Promise<string[]> {
    const names = (await readdir(this.folder)).filter((name) => /^audit.*\.log$/.test(name));
    const files = await Promise.all(
      names.map(async (name) => ({
        path: join(this.folder, name),
        changedAt: (await stat(join(this.folder, name))).mtimeMs,
      })),
    );
    return files.filter(({ changedAt }) => changedAt >= since).map(({ path }) => path);
  }
}

function parse(line: string): z.infer<typeof entry> | null {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return null; // The line that is being written.
  }
  return entry.parse(json);
}

function podWrite(line: string, namespace: string): PodWrite | null {
  const request = parse(line);
  if (request === null) {
    return null;
  }
  const { verb, userAgent, objectRef, responseStatus, stageTimestamp } = request;
  const ours = objectRef?.namespace === namespace && objectRef.resource === 'pods';
  if (!ours || OTHERS.some((name) => userAgent?.startsWith(name) === true)) {
    return null;
  }
  return { verb, status: responseStatus?.code ?? 0, at: Date.parse(stageTimestamp) };
}

/** Figures that one run of `count` pods left in the log. */
export interface WriteCounts {
  /** Milliseconds since the epoch of the last pod's create. */
  readonly lastCreateAt: number;
  /** The same of the last DELETE that was not refused; NaN when there is none. */
  readonly lastDeleteAt: number;
  readonly created: number;
  readonly deleted: number;
  readonly deletes: number;
  readonly refused: number;
  readonly writes: number;
}

/** Sums up; pure. */
export function countWrites(writes: readonly PodWrite[]): WriteCounts {
  const created = writes.filter(({ verb, status }) => verb === 'create' && status === 201);
  const deletes = writes.filter(({ verb }) => verb === 'delete');
  const deleted = deletes.filter(({ status }) => status < 400);
  return {
    lastCreateAt: created.at(-1)?.at ?? NaN,
    lastDeleteAt: deleted.at(-1)?.at ?? NaN,
    created: created.length,
    deleted: deleted.length,
    deletes: deletes.length,
    refused: writes.filter(({ status }) => status >= 400).length,
    writes: writes.length,
  };
}
