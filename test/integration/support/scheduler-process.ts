import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import type { LaunchSpec } from '../../../src/runtime/link/messages.js';
import type { LauncherEvent } from './client.js';
import type { LauncherProcess } from './launcher-process.js';
import type { Order, Report } from './scheduler.js';

/** A scheduler in a process of its own (scheduler.ts), and Airflow's database as far as it needs one. */
export class SchedulerProcess {
  readonly events: LauncherEvent[] = [];
  /** How many launches were let go before each lease. */
  readonly leases: number[] = [];
  private readonly child: ChildProcess;
  private readonly takenOverFile: string;
  private frozen = false;

  constructor(launcher: LauncherProcess, jobId: string) {
    const folder = mkdtempSync(join(tmpdir(), 'scheduler-'));
    const script = join(folder, 'scheduler.cjs');
    const entry = 'test/integration/support/scheduler.ts';
    buildSync({ entryPoints: [entry], outfile: script, bundle: true, platform: 'node', target: 'node24' });
    this.takenOverFile = join(folder, 'taken-over.json');
    this.takenOver([]);
    const { socket, policy } = launcher;
    this.child = fork(script, [socket, policy.deployment, jobId, this.takenOverFile], { execArgv: [] });
    this.child.on('message', (report: Report) => {
      if ('leased' in report) {
        this.leases.push(report.leased);
      } else if (!this.frozen) {
        // What a stopped scheduler had read and not committed is not known to Airflow.
        this.events.push(report.event);
        this.order({ committed: report.event.seq });
      }
    });
  }

  launch(launches: readonly LaunchSpec[]): void {
    this.order({ launch: launches });
  }

  /** Commits that these are another scheduler's now. */
  takenOver(ids: readonly string[]): void {
    writeFileSync(`${this.takenOverFile}.new`, JSON.stringify(ids));
    renameSync(`${this.takenOverFile}.new`, this.takenOverFile);
  }

  pause(): void {
    this.frozen = true;
    this.child.kill('SIGSTOP');
  }

  wake(): void {
    this.frozen = false;
    this.child.kill('SIGCONT');
  }

  ended(): Set<string> {
    return new Set(this.events.filter(({ kind }) => kind === 'SUCCEEDED').map(({ id }) => id));
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  private order(order: Order): void {
    this.child.send(order);
  }
}
