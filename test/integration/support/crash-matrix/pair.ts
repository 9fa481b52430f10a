import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { LaunchPolicy } from '../../../../constructs/contract.js';
import { FaultProxy } from '../fault-proxy.js';
import { LauncherProcess } from '../launcher-process.js';
import { until } from '../until.js';
import type { AirflowProcess, AirflowSide } from './airflow-side.js';
import { LinkRelay } from './link-relay.js';

/** Where a scheduler dies of its own hand: see kill_points.py. */
export interface SchedulerDeath {
  readonly point:
    | 'QUEUED committed, LAUNCH not sent'
    | 'LAUNCH sent'
    | 'event emitted, not processed'
    | 'event processed, not committed'
    | 'event committed, not acknowledged'
    | 'adopted, not committed';
  /** The how many-th time that it comes there. */
  readonly nth: number;
  /** Stops by SIGSTOP, so that it can be woken. */
  readonly stop?: boolean;
}

/** Where a launcher is killed. */
export type LauncherDeath =
  | 'before the create'
  | 'create in flight'
  | 'after the create'
  | 'before the event'
  | 'after the event'
  | 'before the ACK'
  | 'before the DELETE'
  | 'DELETE in flight';

export interface PairOptions {
  readonly airflow: AirflowSide;
  readonly policy: LaunchPolicy;
  readonly template: string;
  readonly kubeconfig: string;
}

/** A point that a working pair comes to, comes within this: two or three seconds on an idle machine. */
export const POINT_MS = 90_000;
const CREATE = /\/pods(\?|$)/;
const ENDS = ['SUCCEEDED', 'FAILED', 'LOST'];

/** A scheduler and its launcher as they share a pod, with what lies between them and the API server in our hands. */
export class Pair {
  readonly launcher: LauncherProcess;
  scheduler: AirflowProcess | null = null;
  job = 0;
  launchersKilled = 0;
  private readonly deadJobs: number[] = [];

  private constructor(
    private readonly options: PairOptions,
    readonly proxy: FaultProxy,
    readonly relay: LinkRelay,
    launcher: LauncherProcess,
  ) {
    this.launcher = launcher;
  }

  static async create(options: PairOptions): Promise<Pair> {
    const proxy = await FaultProxy.start(options.kubeconfig);
    const launcher = new LauncherProcess(options.policy, proxy.kubeconfig, {}, options.template);
    const folder = mkdtempSync(join(tmpdir(), 'crash-matrix-link-'));
    const relay = await new LinkRelay(join(folder, 'link.sock'), launcher.socket).listen();
    return new Pair(options, proxy, relay, launcher);
  }

  /**
   * Starts a scheduler.
   * @param dead jobs of killed schedulers, besides this pair's own, that it may take for dead at once
   */
  async startScheduler(death: SchedulerDeath | null = null, dead: readonly number[] = []): Promise<AirflowProcess> {
    const { airflow, policy } = this.options;
    this.scheduler = await airflow.run('scheduler', {
      socket: this.relay.path,
      deployment: policy.deployment,
      dead_jobs: [...this.deadJobs, ...dead],
      kill: death,
    });
    this.job = await this.scheduler.told<number>();
    this.deadJobs.push(this.job);
    return this.scheduler;
  }

  /** Does its scheduler live? Not if its launcher ended of its own accord, which throws. */
  lives(): boolean {
    const lives = this.scheduler !== null && this.scheduler.code === null;
    if (lives && this.launcher.exitCode !== null) {
      throw new Error(`the launcher ended with ${this.launcher.exitCode}:\n${this.launcher.log().join('\n')}`);
    }
    return lives;
  }

  async killScheduler(): Promise<void> {
    this.scheduler?.signal('SIGKILL');
    await this.scheduler?.ended();
  }

  async killLauncher(): Promise<void> {
    this.launchersKilled += 1;
    await this.launcher.kill('SIGKILL');
  }

  /** An orderly end, as at a roll-out. */
  async stopScheduler(): Promise<void> {
    this.scheduler?.signal('SIGTERM');
    await this.scheduler?.ended();
  }

  /**
   * Runs schedulers that die, one after the other; the last one lives.
   * @param over is the run over? Pods may be quicker than schedulers: then none comes to its point any more
   * @throws Error when not even the first died
   */
  async schedulersDie(deaths: readonly SchedulerDeath[], over: () => Promise<boolean>): Promise<void> {
    for (const [index, death] of deaths.entries()) {
      const scheduler = await this.startScheduler(death);
      const mayBeLate = index > 0;
      await until(
        `the death of ${scheduler.what}: ${death.point}`,
        async () => scheduler.code !== null || (mayBeLate && (await over())),
        { timeoutMs: POINT_MS, everyMs: 200, state: () => this.options.airflow.errors() },
      );
      if (scheduler.code === null) {
        return;
      }
    }
    await this.startScheduler();
  }

  /**
   * Kills the launcher the `nth` time that it comes to a point, and waits for it.
   * @returns false when the run was over before that
   */
  async launcherDies(point: LauncherDeath, nth: number, over: () => Promise<boolean>): Promise<boolean> {
    const { proxy, relay, launcher } = this;
    let come = 0;
    let killed: Promise<void> | null = null;
    const reached = (): boolean => {
      come += 1;
      if (come >= nth) {
        killed ??= this.killLauncher();
      }
      return killed !== null;
    };
    const write = (method: string) => (request: { method: string; path: string }) =>
      request.method === method && (method === 'DELETE' || CREATE.test(request.path));
    const method = point.includes('DELETE') ? 'DELETE' : 'POST';
    if (point === 'before the create' || point === 'before the DELETE') {
      proxy.fault = (request) => (write(method)(request) && reached() ? 'cut' : null);
    } else if (point === 'create in flight' || point === 'DELETE in flight') {
      proxy.fault = (request) => (write(method)(request) && killed !== null ? 'cut' : null);
      proxy.answered = (request) => {
        if (write(method)(request)) {
          reached();
        }
      };
    } else {
      relay.passing = (frame) => {
        const event = frame.from === 'launcher' && frame.type === 'EVENT';
        switch (point) {
          case 'after the create':
            return event && frame.kind === 'CREATED' && reached() ? 'lose' : 'pass';
          case 'before the event':
            return event && ENDS.includes(frame.kind ?? '') && reached() ? 'lose' : 'pass';
          case 'after the event':
            if (event && ENDS.includes(frame.kind ?? '')) {
              reached();
            }
            return 'pass';
          case 'before the ACK':
            return frame.type === 'ACK' && reached() ? 'lose' : 'pass';
        }
      };
    }
    try {
      await until(`the launcher to come to: ${point}`, async () => killed !== null || (await over()), {
        timeoutMs: POINT_MS,
        everyMs: 200,
        state: () => [launcher.log(), this.options.airflow.errors()],
      });
      const death = killed as Promise<void> | null;
      await death;
      return death !== null;
    } finally {
      proxy.fault = () => null;
      proxy.answered = () => undefined;
      relay.passing = () => 'pass';
    }
  }

  /** Frees the proxies and folders; the scheduler ends with Airflow's side. */
  async close(): Promise<void> {
    await this.killScheduler();
    await this.launcher.stop();
    this.relay.close();
    this.proxy.close();
    rmSync(dirname(this.relay.path), { recursive: true, force: true });
  }
}
