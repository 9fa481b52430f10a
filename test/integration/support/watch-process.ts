import { type ChildProcess, spawn } from 'node:child_process';
import type { FollowEvent } from '../../../src/runtime/deferred/pod-follows.js';
import type { RunRequestInput } from '../../../src/runtime/run/request.js';
import { launcherBundle } from './launcher-process.js';
import { until } from './until.js';

const PATIENCE_MS = 60_000;

/** `pod-launcher watch-pods` as a child process, as a triggerer starts it. */
export class WatchProcess {
  readonly events: FollowEvent[] = [];
  exitCode: number | null = null;
  private readonly child: ChildProcess;
  private rest = '';
  private said = '';

  constructor(private readonly kubeconfig: string) {
    this.child = spawn(process.execPath, [launcherBundle(), 'watch-pods'], {
      env: { PATH: process.env.PATH },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (this.rest + chunk).split('\n');
      this.rest = lines.pop() ?? '';
      this.events.push(...lines.map((line) => JSON.parse(line) as FollowEvent));
    });
    this.child.stderr?.on('data', (chunk: Buffer) => (this.said += chunk.toString('utf8')));
    this.child.on('close', (code) => (this.exitCode = code ?? -1));
    this.child.stdin?.on('error', () => undefined);
  }

  follow(id: string, request: Omit<RunRequestInput, 'protocol' | 'layers'>): void {
    const whole = {
      protocol: 1,
      layers: [{ source: 'deferred pod', manifest: {} }],
      cluster: { configFile: this.kubeconfig },
      // kwok's pods write none.
      logs: { containers: [] },
      ...request,
    };
    this.order({ type: 'follow', id, request: whole });
  }

  order(order: object): void {
    this.child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  of<Type extends FollowEvent['type']>(id: string, type: Type): (FollowEvent & { readonly type: Type })[] {
    return this.events.filter((event): event is FollowEvent & { readonly type: Type } => {
      return event.id === id && event.type === type;
    });
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    const state = (): unknown => ({ said: this.said, exitCode: this.exitCode, events: this.events.slice(-20) });
    await until(what, holds, { timeoutMs: PATIENCE_MS, state });
  }

  end(): void {
    this.child.stdin?.end();
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}
