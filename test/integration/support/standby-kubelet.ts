import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { ENV, LABELS, PORTS, TASK_CONTAINER } from '../../../constructs/contract.js';
import type { TestNamespace } from './cluster.js';

/** Pods of this template are bound to no node: what runs in them, and what they say, is the test's. */
export const STANDBY_TEMPLATE = `
apiVersion: v1
kind: Pod
spec:
  schedulerName: nobody
  automountServiceAccountToken: false
  containers: [{name: base, image: apache/airflow:3.3.2}]
`;

/** Writes down what it is given, then runs until it is told to end or the pod's first process is gone. */
const WORKER = `
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
first = os.getppid()
ready = int(sys.argv[2]); os.write(ready, b"1"); os.close(ready)
given = sys.stdin.buffer.read()
if not given:
    sys.exit(84)
with open(sys.argv[1], "ab") as file:
    file.write(given + b"\\n")
while os.getppid() == first:
    time.sleep(0.2)
`;

let interpreter: string | undefined;

/** The Python that the tests of the package run with. */
function python(): string {
  interpreter ??= execFileSync('bash', ['scripts/python-test.sh', '--python'], { encoding: 'utf8' }).trim();
  return interpreter;
}

let addresses = 0;

/**
 * Does for standby pods what a kubelet does: runs the real `airflow_pod_launcher.standby` for each, at an address of its
 * own, and tells the API server how it is. kwok cannot: in its pods nothing runs.
 */
export class StandbyKubelet {
  private readonly folder = mkdtempSync(join(tmpdir(), 'standby-kubelet-'));
  private readonly processes = new Map<string, ChildProcess>();
  private timer: NodeJS.Timeout | undefined;
  private over = false;
  /** Changes the environment of the next processes. */
  env: NodeJS.ProcessEnv = {};

  constructor(private readonly namespace: TestNamespace) {}

  start(): void {
    const look = async (): Promise<void> => {
      await this.look();
      if (!this.over) {
        this.timer = setTimeout(() => void look(), 100);
      }
    };
    void look();
  }

  /** What the pod's worker was given, each time. */
  given(pod: V1Pod): string[][] {
    try {
      return readFileSync(this.record(pod), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as string[]);
    } catch {
      return [];
    }
  }

  /** Kills the process of a pod, as the kernel would. */
  kill(pod: V1Pod): void {
    this.processes.get(uidOf(pod))?.kill('SIGKILL');
  }

  /** From now on the process of the pod answers nothing; connections to it are taken all the same. */
  freeze(pod: V1Pod): void {
    this.processes.get(uidOf(pod))?.kill('SIGSTOP');
  }

  /** All processes go on. */
  thaw(): void {
    for (const child of this.processes.values()) {
      child.kill('SIGCONT');
    }
  }

  /** Lets the task of a pod end well. */
  end(pod: V1Pod): void {
    this.processes.get(uidOf(pod))?.kill('SIGTERM');
  }

  stop(): void {
    this.over = true;
    clearTimeout(this.timer);
    for (const child of this.processes.values()) {
      child.kill('SIGKILL');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async look(): Promise<void> {
    const pods = (await this.namespace.pods()).filter((pod) => pod.metadata?.labels?.[LABELS.STANDBY] !== undefined);
    const uids = new Set(pods.map(uidOf));
    for (const [uid, child] of this.processes) {
      if (!uids.has(uid)) {
        child.kill('SIGTERM');
      }
    }
    for (const pod of pods) {
      if (!this.processes.has(uidOf(pod)) && !this.over) {
        this.run(pod);
      }
    }
  }

  private run(pod: V1Pod): void {
    const address = `127.0.85.${(addresses += 1)}`;
    const secret = pod.spec?.containers[0]?.env?.find(({ name }) => name === ENV.STANDBY_SECRET)?.value;
    const command = ['-m', 'airflow_pod_launcher.standby', python(), '-c', WORKER, this.record(pod)];
    const child = spawn(python(), command, {
      env: {
        PATH: process.env.PATH,
        PYTHONPATH: resolve('python/src'),
        [ENV.STANDBY_SECRET]: secret,
        [ENV.STANDBY_ADDRESS]: address,
        ...this.env,
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    this.processes.set(uidOf(pod), child);
    const since = new Date().toISOString();
    child.on('exit', (code) => {
      const exitCode = code ?? 137;
      const terminated = {
        exitCode,
        reason: exitCode === 0 ? 'Completed' : 'Error',
        startedAt: since,
        finishedAt: since,
      };
      void this.tell(pod, exitCode === 0 ? 'Succeeded' : 'Failed', address, { terminated }, false);
    });
    void this.startup(pod, child, address, since);
  }

  /** The startup probe of the pod: a connection to its port. */
  private async startup(pod: V1Pod, child: ChildProcess, address: string, since: string): Promise<void> {
    while (child.exitCode === null && !this.over) {
      if (await connects(address)) {
        await this.tell(pod, 'Running', address, { running: { startedAt: since } }, true);
        return;
      }
    }
  }

  private async tell(pod: V1Pod, phase: string, podIP: string, state: object, started: boolean): Promise<void> {
    if (this.over) {
      return;
    }
    const base = { name: TASK_CONTAINER, image: 'i', imageID: '', restartCount: 0, ready: started, started, state };
    try {
      await this.namespace.core.patchNamespacedPodStatus({
        name: pod.metadata?.name ?? '',
        namespace: this.namespace.name,
        body: [
          { op: 'test', path: '/metadata/uid', value: pod.metadata?.uid },
          { op: 'add', path: '/status/phase', value: phase },
          { op: 'add', path: '/status/podIP', value: podIP },
          { op: 'add', path: '/status/podIPs', value: [{ ip: podIP }] },
          { op: 'add', path: '/status/containerStatuses', value: [base] },
        ],
      });
    } catch {
      // The pod is gone: nobody asks how it is any more.
    }
  }

  private record(pod: V1Pod): string {
    return join(this.folder, uidOf(pod));
  }
}

function uidOf(pod: V1Pod): string {
  return pod.metadata?.uid ?? '';
}

function connects(address: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(PORTS.STANDBY, address, () => {
      socket.destroy();
      done(true);
    });
    socket.on('error', () =>
      setTimeout(() => {
        done(false);
      }, 50),
    );
  });
}
