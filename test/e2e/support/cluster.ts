import { join } from 'node:path';
import { execa } from 'execa';
import { STACK_NAMESPACE_LABEL } from '../../../constructs/contract.js';
import { KubeClient } from '../../../src/cli/kube/client.js';
import { connect, localKubeconfig } from '../../../src/cli/kube/connect.js';
import { execInPod } from '../../../src/cli/kube/exec.js';
import { KubeApiError } from '../../../src/cli/kube/client.js';
import { isReady } from '../../../src/cli/kube/pods.js';
import type { KubeObject, Pod } from '../../../src/cli/kube/objects.js';
import { until } from './wait.js';

export const ROOT = join(__dirname, '../../..');

/** The local cluster, as a test sees it: nothing here touches another one. */
export class Cluster {
  readonly kube = new KubeClient(connect(undefined, process.env));

  constructor(readonly namespace: string) {}

  async pods(selector: string): Promise<Pod[]> {
    return await this.kube.list<Pod>('v1', 'Pod', this.namespace, selector);
  }

  /** Runs a shell command in a running pod's container. @throws Error with its output if it fails */
  async sh(pod: Pod, container: string, command: string, stdin?: Buffer): Promise<string> {
    const result = await execInPod(this.kube, pod, container, ['sh', '-ec', command], stdin);
    if (result.exitCode !== 0) {
      throw new Error(`${pod.metadata.name}: ${command}: exit ${result.exitCode}: ${result.stderr}${result.stdout}`);
    }
    return result.stdout;
  }

  /** The one ready pod of a component, once there is one that is not on its way out. */
  async ready(component: string): Promise<Pod> {
    return await until(`a ready pod of ${component}`, async () =>
      (await this.pods(`component=${component}`)).find(isReady),
    );
  }

  /** Creates the objects, or leaves those that are there. */
  async create(...objects: readonly (KubeObject & Readonly<Record<string, unknown>>)[]): Promise<void> {
    for (const object of objects) {
      try {
        const path = await this.kube.pathOf(
          object.apiVersion,
          object.kind,
          object.metadata.namespace ?? this.namespace,
        );
        await this.kube.request('POST', path, { body: object });
      } catch (error) {
        if (!(error instanceof KubeApiError && error.code === 409)) {
          throw error;
        }
      }
    }
  }

  async createNamespace(): Promise<void> {
    await this.create({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: this.namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
  }

  /** Asks for the namespace's deletion, and waits for nothing: the next test file has a namespace of its own. */
  async abandonNamespace(): Promise<void> {
    // What a stack in it has of the whole cluster would stay.
    const kinds = 'clusterrolebindings,clusterroles,validatingadmissionpolicybindings,validatingadmissionpolicies';
    await this.kubectl('delete', kinds, '--selector', `${STACK_NAMESPACE_LABEL}=${this.namespace}`);
    if (!(await this.namespaceIsGone())) {
      await this.kube.request('DELETE', this.namespacePath);
    }
  }

  /** Deletes the namespace and waits until it is gone. */
  async deleteNamespace(): Promise<void> {
    await this.abandonNamespace();
    await until(`namespace ${this.namespace} is gone`, () => this.namespaceIsGone(), { timeout: 180 });
  }

  private get namespacePath(): string {
    return `/api/v1/namespaces/${this.namespace}`;
  }

  private async namespaceIsGone(): Promise<boolean> {
    try {
      await this.kube.request('GET', this.namespacePath);
      return false;
    } catch (error) {
      if (error instanceof KubeApiError && error.code === 404) {
        return true;
      }
      throw error;
    }
  }

  /** The real kubectl, as a user would call it. */
  async kubectl(...args: string[]): Promise<string> {
    const script = join(ROOT, 'scripts/cluster/cluster.sh');
    const { stdout } = await execa(script, ['kubectl', '--', ...args], {
      env: { KUBECONFIG: localKubeconfig(process.env) },
      timeout: 120_000,
    });
    return stdout;
  }
}
