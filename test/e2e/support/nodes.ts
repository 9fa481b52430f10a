import type { Condition, KubeObject } from '../../../src/cli/kube/objects.js';
import type { Cluster } from './cluster.js';
import { until } from './wait.js';

interface Node extends KubeObject {
  readonly spec?: { readonly taints?: readonly { readonly key: string }[] };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** Name of the node that runs pods for real: kwok's, and those that tests make up, are tainted. */
export async function realNode(cluster: Cluster): Promise<string> {
  const { items } = await cluster.kube.request<{ items: Node[] }>('GET', '/api/v1/nodes');
  const found = items.find(({ spec }) => spec?.taints === undefined);
  if (found === undefined) {
    throw new Error('the cluster has no node without taints');
  }
  return found.metadata.name;
}

/** Gives a node an amount of a made-up resource, or takes it away again. */
export async function setResource(
  cluster: Cluster,
  node: string,
  resource: string,
  amount: string | null,
): Promise<void> {
  const change = { [resource]: amount };
  await patchStatus(cluster, node, { capacity: change, allocatable: change });
}

/**
 * A node without a kubelet, tainted for all but those that ask for it: pods go there and nothing becomes of them. Nobody
 * renews its condition: the control plane takes it for lost after `node-monitor-grace-period`, 50 s.
 */
export async function fakeNode(cluster: Cluster, name: string): Promise<void> {
  await cluster.create({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { [name]: 'gone' } },
    spec: { taints: [{ key: name, effect: 'NoSchedule' }] },
  });
  const capacity = { cpu: '4', memory: '8Gi', pods: '10' };
  await patchStatus(cluster, name, { capacity, allocatable: capacity, conditions: [ready('True')] });
  await until(`node ${name} counts as ready`, async () => {
    const { spec } = await cluster.kube.request<Node>('GET', `/api/v1/nodes/${name}`);
    return spec?.taints?.every(({ key }) => key === name);
  });
}

/** What a kubelet says that has trouble: the control plane then takes the node's pods away. */
export async function breakNode(cluster: Cluster, name: string): Promise<void> {
  await patchStatus(cluster, name, { conditions: [ready('False')] });
}

function ready(status: string): object {
  const now = new Date().toISOString();
  return { type: 'Ready', status, reason: 'Test', lastHeartbeatTime: now, lastTransitionTime: now };
}

async function patchStatus(cluster: Cluster, node: string, status: object): Promise<void> {
  await cluster.kubectl(
    'patch',
    'node',
    node,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  );
}
