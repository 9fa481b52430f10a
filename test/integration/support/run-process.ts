import { type ChildProcess, spawn } from 'node:child_process';
import type { RunEvent } from '../../../src/runtime/run/events.js';
import { launcherBundle } from './launcher-process.js';
import { until } from './until.js';

interface AnyEvent {
  readonly type: string;
}

type Of<E extends AnyEvent, Type extends E['type']> = E & { readonly type: Type };

/** Pods are real: a busy machine takes its time. */
const RUN_MS = 120_000;

/** `pod-launcher run-pod --json --attached`, or another command, as a child process, as the operators start it. */
export class RunProcess<E extends AnyEvent = RunEvent> {
  readonly events: E[] = [];
  exitCode: number | null = null;
  private readonly child: ChildProcess;
  private rest = '';
  private said = '';

  constructor(request: object, kubeconfig: string, command = 'run-pod') {
    this.child = spawn(process.execPath, [launcherBundle(), command, '--json', '--attached'], {
      env: { PATH: process.env.PATH, KUBECONFIG: kubeconfig },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (this.rest + chunk).split('\n');
      this.rest = lines.pop() ?? '';
      this.events.push(...lines.map((line) => JSON.parse(line) as E));
    });
    this.child.stderr?.on('data', (chunk: Buffer) => (this.said += chunk.toString('utf8')));
    this.child.on('close', (code) => (this.exitCode = code ?? -1));
    this.child.stdin?.on('error', () => undefined);
    this.child.stdin?.write(`${JSON.stringify(request)}\n`);
  }

  of<Type extends E['type']>(type: Type): Of<E, Type>[] {
    return this.events.filter((event): event is Of<E, Type> => event.type === type);
  }

  one<Type extends E['type']>(type: Type): Of<E, Type> {
    const [found, ...others] = this.of(type);
    if (found === undefined || others.length > 0) {
      throw new Error(`${others.length + 1} events '${type}' in ${JSON.stringify(this.state())}`);
    }
    return found;
  }

  lines(container = 'base'): string[] {
    return this.logs()
      .filter((event) => event.container === container)
      .map(({ line }) => line);
  }

  private logs(): { readonly container: string; readonly line: string }[] {
    return this.events.filter(({ type }) => type === 'log') as unknown as { container: string; line: string }[];
  }

  async until(what: string, holds: (event: E) => boolean): Promise<void> {
    await until(what, () => this.events.some(holds), { timeoutMs: RUN_MS, state: () => this.state() });
  }

  /** @returns the exit code */
  async ended(): Promise<number> {
    await until('the run ends', () => this.exitCode !== null, { timeoutMs: RUN_MS, state: () => this.state() });
    return this.exitCode ?? -1;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** As when the one who started it dies. */
  closeInput(): void {
    this.child.stdin?.end();
  }

  /** What explains a failure. */
  state(): unknown {
    const events = this.events.filter(({ type }) => type !== 'log');
    return { exitCode: this.exitCode, said: this.said, lines: this.logs().length, events };
  }
}
