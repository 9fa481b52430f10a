import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { ENV, type LaunchPolicy, PATHS } from '../../constructs/contract.js';
import { TestClient, type ClientOptions } from '../../test/integration/support/client.js';
import { until } from '../../test/integration/support/until.js';
import { scratchFolder } from '../scratch.js';
import { track } from './children.js';
import { cpuMs, residentBytes } from './process-stats.js';

const BUNDLE = 'dist/runtime/pod-launcher.cjs';
/** Those of the command `pod-launcher` (airflow_pod_launcher.runtime). */
const NODE_FLAGS = ['--max-semi-space-size=4', '--heap-growing-percent=30'];
/** The default of the constructs. */
const MAX_IN_FLIGHT = 32;

/** `pod-launcher serve` as it is shipped, with a folder of its own for socket, configuration and log. */
export class LauncherProcess {
  private readonly folder = scratchFolder('launcher');
  /** Its own, as the volume of a ConfigMap is: what changes in it is read again. */
  private readonly config = join(this.folder, 'config');
  private readonly bundle = join(this.folder, 'pod-launcher.cjs');
  private readonly logFile = join(this.folder, 'log');
  readonly socket = join(this.folder, 'launcher.sock');
  private child: ChildProcess | undefined;

  constructor(
    private readonly namespace: string,
    private readonly kubeconfig: string,
    template: string,
  ) {
    // A copy: a build beside the benchmark must not change what is measured.
    copyFileSync(BUNDLE, this.bundle);
    const policy: LaunchPolicy = {
      deployment: namespace,
      namespaces: [namespace],
      maxInFlightCreates: MAX_IN_FLIGHT,
      maxPendingPods: 0,
      maxPods: 0,
      keepSucceededSeconds: 0,
      keepFailedSeconds: 0,
      pendingTimeoutSeconds: 0,
    };
    mkdirSync(this.config);
    writeFileSync(join(this.config, PATHS.LAUNCH_POLICY_FILE), JSON.stringify(policy));
    writeFileSync(join(this.config, PATHS.POD_TEMPLATE_FILE), template);
  }

  get pid(): number {
    const pid = this.child?.pid;
    if (pid === undefined) {
      throw new Error('the launcher is not running');
    }
    return pid;
  }

  /** Starts it and waits until it listens. */
  async start(): Promise<this> {
    const log = openSync(this.logFile, 'a');
    this.child = track(
      spawn(process.execPath, [...NODE_FLAGS, this.bundle, 'serve', '--health-port', '0'], {
        env: {
          PATH: process.env.PATH,
          KUBECONFIG: this.kubeconfig,
          [ENV.SOCKET]: this.socket,
          [ENV.CONFIG_DIR]: this.config,
        },
        stdio: ['ignore', log, log],
        detached: true,
      }),
    );
    closeSync(log);
    rmSync(this.socket, { force: true });
    await until('the launcher to listen', () => existsSync(this.socket) || this.child?.exitCode !== null, {
      everyMs: 5,
      state: () => this.logTail(),
    });
    if (this.child.exitCode !== null) {
      throw new Error(`the launcher ended with ${this.child.exitCode}:\n${this.logTail()}`);
    }
    return this;
  }

  connect(options: Partial<ClientOptions> = {}): Promise<TestClient> {
    return TestClient.connect(this.socket, { deployment: this.namespace, acknowledge: false, ...options });
  }

  /** Freezes it, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.child?.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.child?.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await exited;
    }
  }

  /** Ends it and removes its folder. */
  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  residentBytes(): number {
    return residentBytes(this.pid);
  }

  cpuMs(): number {
    return cpuMs(this.pid);
  }

  logTail(): string {
    return readFileSync(this.logFile, 'utf8').split('\n').slice(-20).join('\n');
  }
}
