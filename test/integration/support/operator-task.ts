import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { launcherBundle } from './launcher-process.js';
import { until } from './until.js';

/** How an operator's task ended. */
export interface TaskOutcome {
  readonly result?: unknown;
  readonly error?: string;
  readonly message?: string;
  readonly xcoms: Readonly<Record<string, string>>;
  /** Modules of the Python Kubernetes client that were imported. */
  readonly kubernetesModules: readonly string[];
}

/** Pods are real: a busy machine takes its time. */
const TASK_MS = 60_000;

const home = mkdtempSync(join(tmpdir(), 'airflow-home-'));
let python: string | undefined;

/** @param given what operator_task.py takes, but for the bundle */
function commandOf(given: object): {
  readonly command: string;
  readonly args: string[];
  readonly env: NodeJS.ProcessEnv;
} {
  python ??= execFileSync('bash', ['scripts/python-test.sh', '--python'], { encoding: 'utf8' }).trim();
  const argument = JSON.stringify({ bundle: [process.execPath, launcherBundle()], tryNumber: 1, ...given });
  return {
    command: python,
    args: [resolve('test/integration/support/operator_task.py'), argument],
    env: { PATH: process.env.PATH, PYTHONPATH: resolve('python/src'), AIRFLOW_HOME: home },
  };
}

/** Executes an operator of the Python package (`yaml:YamlOperator`) with the real runtime, and waits for its end. */
export function runOperator(operator: string, parameters: object): TaskOutcome {
  const { command, args, env } = commandOf({ runId: 'run', operator, parameters });
  const { status, stderr, stdout } = spawnSync(command, args, { encoding: 'utf8', env });
  if (status !== 0) {
    throw new Error(`the task ended with ${String(status)}: ${stderr}`);
  }
  return outcomeIn(stdout);
}

function outcomeIn(stdout: string): TaskOutcome {
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as TaskOutcome;
}

/** An operator that is executed beside the test, as a worker executes it. */
export class OperatorTask {
  readonly said = { out: '', log: '', ended: false };
  private readonly child: ChildProcess;
  private readonly options = { timeoutMs: TASK_MS, state: () => this.said };

  /** @param given `runId` and what operator_task.py takes besides */
  constructor(given: object) {
    const { command, args, env } = commandOf(given);
    this.child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.said.out += chunk.toString('utf8')));
    // Airflow 3 logs to standard output.
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.said.log += chunk.toString('utf8')));
    }
    this.child.on('close', () => (this.said.ended = true));
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async logged(line: string): Promise<void> {
    await until(`the log has ${line}`, () => this.said.log.includes(line), this.options);
  }

  async ended(): Promise<TaskOutcome> {
    await until('the task ends', () => this.said.ended, this.options);
    return outcomeIn(this.said.out);
  }
}
