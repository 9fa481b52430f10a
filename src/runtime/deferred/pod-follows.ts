import { z } from 'zod';
import { chooseCluster } from '../api/credentials.js';
import { ConfigError } from '../config/errors.js';
import type { Logger } from '../log.js';
import { RunError, type RunEvent, type RunSink } from '../run/events.js';
import { asRunError } from '../run/launch.js';
import { PodRun } from '../run/pod-run.js';
import { parseRunRequest, type RunRequest } from '../run/request.js';
import { SharedCluster } from './shared-cluster.js';

/** An order of the one who started `watch-pods`; `id` is its own name of a run. */
const order = z.discriminatedUnion('type', [
  /** Go on with a pod: `attach` says which. */
  z.strictObject({ type: z.literal('follow'), id: z.string(), request: z.unknown() }),
  /** End the run and, if its request says so, the pod. */
  z.strictObject({ type: z.literal('kill'), id: z.string() }),
  /** Tell nothing more of it; the pod lives on. */
  z.strictObject({ type: z.literal('release'), id: z.string() }),
]);

/** An event of one of the runs. */
export type FollowEvent = RunEvent & { readonly id: string };

export interface PodFollowsOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  readonly log: Logger;
  /** Takes the events of all runs. */
  readonly sink: { tell(event: FollowEvent): boolean; ready(): Promise<void> };
}

interface Chosen {
  readonly cluster: SharedCluster;
  readonly namespace: string;
}

interface Follow {
  readonly kill: AbortController;
  readonly detach: AbortController;
  readonly done: Promise<void>;
}

/** Many runs in one process, each of a pod that another process has created. */
export class PodFollows {
  private readonly runs = new Map<string, Follow>();
  private readonly clusters = new Map<string, Chosen>();

  constructor(private readonly options: PodFollowsOptions) {}

  /** Takes an order, a line of JSON. One of a run that is over is none. */
  take(line: string): void {
    let given: z.output<typeof order>;
    try {
      given = order.parse(JSON.parse(line));
    } catch (error) {
      this.options.log.error({ error: (error as Error).message }, 'an order that is not understood');
      return;
    }
    const run = this.runs.get(given.id);
    if (given.type === 'kill') {
      run?.kill.abort();
    } else if (given.type === 'release') {
      run?.detach.abort();
    } else if (run === undefined) {
      const kill = new AbortController();
      const detach = new AbortController();
      const done = this.follow(given.id, given.request, kill.signal, detach.signal).finally(() => {
        this.runs.delete(given.id);
      });
      this.runs.set(given.id, { kill, detach, done });
    }
  }

  /** Leaves all pods to themselves. */
  async close(): Promise<void> {
    for (const { detach } of this.runs.values()) {
      detach.abort();
    }
    await Promise.all([...this.runs.values()].map(({ done }) => done));
    for (const { cluster } of this.clusters.values()) {
      cluster.close();
    }
  }

  private async follow(id: string, asked: unknown, kill: AbortSignal, detach: AbortSignal): Promise<void> {
    const sink: RunSink = {
      tell: (event) => this.options.sink.tell({ ...event, id }),
      ready: () => this.options.sink.ready(),
    };
    try {
      const request = parseRunRequest(asked);
      const chosen = this.choose(request);
      const { cluster } = chosen;
      const namespace = request.namespace ?? chosen.namespace;
      if (request.attach === null) {
        throw new ConfigError([{ file: 'request', field: 'attach', message: 'is missing: the pod to go on with' }]);
      }
      await cluster.withApi((api) =>
        new PodRun({
          api,
          request,
          defaultNamespace: namespace,
          random: '',
          sink,
          kill,
          detach,
          follow: (options) => cluster.watch(namespace).follow(options),
        }).run(),
      );
    } catch (error) {
      if (!detach.aborted) {
        const told = error instanceof ConfigError ? new RunError('InvalidRequest', error.message) : asRunError(error);
        sink.tell({ type: 'error', code: told.code, message: told.message });
      }
    }
  }

  private choose({ cluster: choice }: RunRequest): Chosen {
    const key = JSON.stringify(Object.entries(choice).sort());
    const known = this.clusters.get(key);
    if (known !== undefined) {
      return known;
    }
    const { env, version, log } = this.options;
    try {
      const { credentials, namespace } = chooseCluster(choice, env);
      const chosen = { cluster: new SharedCluster(credentials, version, log), namespace: namespace ?? 'default' };
      this.clusters.set(key, chosen);
      return chosen;
    } catch (error) {
      throw new ConfigError([{ file: 'request', field: 'cluster', message: (error as Error).message }]);
    }
  }
}
