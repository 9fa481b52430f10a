import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { LABELS } from '../../../../constructs/contract.js';
import { TestNamespace } from '../cluster.js';
import { until } from '../until.js';
import { AirflowSide, type Rows } from './airflow-side.js';
import { Database } from './database.js';
import { answers, freePort, ownAddress } from './network.js';
import { Pair } from './pair.js';
import { podRecords, type PodRecord } from './records.js';

/** The node runs 110 pods, of everybody. */
const MAX_PODS = 45;

/** All that the crash matrix plays on: Airflow with its database and execution API, a real node, two pairs. */
export class Stage {
  readonly a: Pair;
  readonly b: Pair;
  private dagId = '';

  private constructor(
    readonly namespace: TestNamespace,
    readonly airflow: AirflowSide,
    private readonly database: Database,
    private readonly folder: string,
    pairs: readonly [Pair, Pair],
  ) {
    [this.a, this.b] = pairs;
  }

  static async set(): Promise<Stage> {
    const namespace = await TestNamespace.create('crash-matrix');
    const node = apiServerHost(namespace.kubeconfig);
    const host = await ownAddress(node.hostname, Number(node.port));
    const database = await Database.start();
    const airflow = await AirflowSide.start(database.url);
    const port = await freePort(host);
    await airflow.run('execution_api', { host, port });
    await until('the execution API', () => answers(`http://${host}:${port}/execution/health`), {
      timeoutMs: 180_000,
      everyMs: 200,
      state: () => airflow.errors(),
    });

    // Pods of the real node are processes of this machine: its folders are theirs.
    const folder = mkdtempSync(join(tmpdir(), 'crash-matrix-pods-'));
    mkdirSync(join(folder, 'records'));
    copyFileSync(resolve(__dirname, 'worker.sh'), join(folder, 'worker.sh'));
    const options = {
      airflow,
      policy: namespace.policy({ maxPods: MAX_PODS }),
      template: podTemplate(folder, host, port),
      kubeconfig: namespace.kubeconfig,
    };
    const pairs = [await Pair.create(options), await Pair.create(options)] as const;
    return new Stage(namespace, airflow, database, folder, pairs);
  }

  records(): PodRecord[] {
    return podRecords(join(this.folder, 'records'));
  }

  /** Ids of all launches that a launcher was sent. */
  sent(): Set<string> {
    return new Set([...this.a.relay.sent, ...this.b.relay.sent]);
  }

  /** Makes the run of the next row. */
  async makeRun(dagId: string, count: number): Promise<void> {
    this.dagId = dagId;
    await this.airflow.makeRun(dagId, count);
  }

  /** Waits until Airflow says that the run is over. */
  async runEnds(timeoutMs: number): Promise<Rows> {
    let rows = await this.airflow.rows(this.dagId);
    await until(
      `the end of the run of ${this.dagId}`,
      async () => {
        rows = await this.airflow.rows(this.dagId);
        if (rows.run === 'running' && ![this.a, this.b].some((pair) => pair.lives())) {
          throw new Error(`no scheduler lives that could end the run:\n${this.airflow.errors()}`);
        }
        return rows.run !== 'running';
      },
      { timeoutMs, everyMs: 1000, state: () => this.state() },
    );
    return rows;
  }

  /** Is the run over? */
  readonly isOver = async (): Promise<boolean> => (await this.airflow.rows(this.dagId)).run !== 'running';

  /** How many tries of the run Airflow has reset. */
  async givenUp(): Promise<number> {
    return (await this.airflow.rows(this.dagId)).givenUp.length;
  }

  /** Ends all schedulers in order, and the second launcher: the next row starts its own. */
  async schedulersEnd(): Promise<void> {
    await Promise.all([this.a.stopScheduler(), this.b.stopScheduler()]);
    await this.b.launcher.kill('SIGTERM');
  }

  /** How many processes were killed. */
  killed(): number {
    return this.airflow.killed() + this.a.launchersKilled + this.b.launchersKilled;
  }

  /** The state that explains a failure. */
  async state(): Promise<unknown> {
    const logs = [this.a, this.b].map((pair) => [pair.scheduler?.code, pair.launcher.log()]);
    return [await this.namespace.state(), logs, this.airflow.errors()];
  }

  /** Task pods that are there now. */
  async taskPods(): Promise<number> {
    const pods = await this.namespace.pods();
    return pods.filter((pod) => pod.metadata?.labels?.[LABELS.LAUNCH_ID] !== undefined).length;
  }

  async strike(): Promise<void> {
    await this.a.close();
    await this.b.close();
    await this.airflow.stop();
    await this.database.stop();
    await this.namespace.delete();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The cheapest pod on a real node: no scheduling, no network, token or environment of its own. */
function podTemplate(folder: string, host: string, port: number): string {
  const fromField = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    spec: {
      nodeName: 'node0',
      hostNetwork: true,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'base',
          image: 'docker.io/library/busybox:1',
          imagePullPolicy: 'Never',
          command: ['/bin/sh', '/crash/worker.sh'],
          env: [
            { name: 'API_HOST', value: host },
            { name: 'API_PORT', value: String(port) },
            fromField('POD', 'metadata.name'),
            fromField('LAUNCH_ID', `metadata.labels['${LABELS.LAUNCH_ID}']`),
            fromField('ATTEMPT', `metadata.labels['${LABELS.ATTEMPT}']`),
          ],
          volumeMounts: [{ name: 'crash', mountPath: '/crash' }],
        },
      ],
      volumes: [{ name: 'crash', hostPath: { path: folder, type: 'Directory' } }],
    },
  });
}

function apiServerHost(kubeconfig: string): URL {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return new URL(config.getCurrentCluster()?.server ?? '');
}
