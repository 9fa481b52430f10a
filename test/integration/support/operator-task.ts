import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { launcherBundle } from './launcher-process.js';

/** How an operator's task ended. */
export interface TaskOutcome {
  readonly result?: unknown;
  readonly error?: string;
  readonly message?: string;
  /** Modules of the Python Kubernetes client that were imported. */
  readonly kubernetesModules: readonly string[];
}

const home = mkdtempSync(join(tmpdir(), 'airflow-home-'));
let python: string | undefined;

/** Executes an operator of the Python package (`yaml:YamlOperator`) with the real runtime, and waits for its end. */
export function runOperator(operator: string, parameters: object): TaskOutcome {
  python ??= execFileSync('bash', ['scripts/python-test.sh', '--python'], { encoding: 'utf8' }).trim();
  const given = { bundle: [process.execPath, launcherBundle()], runId: 'run', tryNumber: 1, operator, parameters };
  const { status, stderr, stdout } = spawnSync(
    python,
    [resolve('test/integration/support/operator_task.py'), JSON.stringify(given)],
    {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, PYTHONPATH: resolve('python/src'), AIRFLOW_HOME: home },
    },
  );
  if (status !== 0) {
    throw new Error(`the task ended with ${String(status)}: ${stderr}`);
  }
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as TaskOutcome;
}
