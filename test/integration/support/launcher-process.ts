import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { ENV, type LaunchPolicy, PATHS } from '../../../constructs/contract.js';
import { TestClient, type ClientOptions } from './client.js';
import { until } from './until.js';

/** Far more than it takes: the machine may be busy. */
const START_MS = 120_000;

let bundle: string | undefined;

/** The launcher as it is shipped: one file. Built once per test process. */
export function launcherBundle(): string {
  if (bundle === undefined) {
    bundle = join(mkdtempSync(join(tmpdir(), 'pod-launcher-')), 'pod-launcher.cjs');
    buildSync({
      entryPoints: ['src/runtime/main.ts'],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'cjs',
      define: { 'process.env.POD_LAUNCHER_VERSION': '"0.0.0-test"' },
      logLevel: 'error',
    });
  }
  return bundle;
}

/** Runs a command of the launcher to its end. @returns its standard output; throws when it fails */
export function runLauncher(args: readonly string[], kubeconfig: string): string {
  return execFileSync(process.execPath, [launcherBundle(), ...args], {
    env: { PATH: process.env.PATH, KUBECONFIG: kubeconfig },
    encoding: 'utf8',
    timeout: 60_000,
  });
}

export const POD_TEMPLATE = `
apiVersion: v1
kind: Pod
spec:
  nodeSelector: {type: kwok}
  tolerations: [{operator: Exists}]
  automountServiceAccountToken: false
  containers:
    - name: base
      image: apache/airflow:3.3.2
      env: [{name: AIRFLOW__CORE__EXECUTOR, value: LocalExecutor}]
`;

/** `pod-launcher serve` as a child process with a folder of its own: socket, configuration, log. */
export class LauncherProcess {
  private child: ChildProcess | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), 'pod-launcher-test-'));
  readonly socket = join(this.folder, 'launcher.sock');
  private output: string[] = [];
  exitCode: number | null = null;

  constructor(
    readonly policy: LaunchPolicy,
    private readonly kubeconfig: string,
    private readonly env: NodeJS.ProcessEnv = {},
    template = POD_TEMPLATE,
  ) {
    writeFileSync(join(this.folder, PATHS.LAUNCH_POLICY_FILE), JSON.stringify(policy));
    writeFileSync(join(this.folder, PATHS.POD_TEMPLATE_FILE), template);
  }

  /** Starts it and waits until it listens. */
  async start(): Promise<this> {
    this.spawn();
    await until('the launcher is up', () => this.exitCode !== null || this.logged('launcher is up'), {
      timeoutMs: START_MS,
      state: () => this.log(),
    });
    return this;
  }

  spawn(): void {
    this.exitCode = null;
    this.output = [];
    this.child = spawn(process.execPath, [launcherBundle(), 'serve', '--health-port', '0'], {
      env: {
        PATH: process.env.PATH,
        KUBECONFIG: this.kubeconfig,
        [ENV.SOCKET]: this.socket,
        [ENV.CONFIG_DIR]: this.folder,
        [ENV.LOG_LEVEL]: 'info',
        ...this.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const child = this.child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => this.output.push(chunk.toString('utf8')));
    }
    child.on('exit', (code) => (this.exitCode = code ?? -1));
  }

  connect(options: Partial<ClientOptions> = {}): Promise<TestClient> {
    return TestClient.connect(this.socket, { deployment: this.policy.deployment, ...options });
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    if (this.child === undefined || this.exitCode !== null) {
      return;
    }
    this.child.kill(signal);
    await until(`exit after ${signal}`, () => this.exitCode !== null, { state: () => this.log() });
  }

  /** Stops the process in its tracks. */
  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  wake(): void {
    this.child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill('SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** At once, as a kubelet does it: half a file must not be read. */
  writeConfig(file: string, text: string): void {
    const written = `${this.folder}.new`;
    writeFileSync(written, text);
    renameSync(written, join(this.folder, file));
  }

  healthPort(): number {
    const line = this.lines().find((one) => one.healthPort !== undefined);
    return Number(line?.healthPort);
  }

  logged(message: string): boolean {
    return this.output.join('').includes(message);
  }

  lines(): Record<string, unknown>[] {
    return this.output
      .join('')
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** What explains a failure: the end of the log, and what went wrong before it. */
  log(): string[] {
    const lines = this.output.join('').split('\n');
    const wrong = lines.filter((line) => !line.includes('"level":"info"'));
    return [...wrong.slice(-20), '…', ...lines.slice(-5)];
  }
}
