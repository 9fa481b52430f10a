import { join } from 'node:path';
import { API_PORT } from './airflow.js';
import { CliError, EXIT_CODES } from './errors.js';
import { apply } from './kube/apply.js';
import type { KubeClient } from './kube/client.js';
import { LOCAL_CONTEXT } from './kube/connect.js';
import { objectName, type KubeObject, type Workload } from './kube/objects.js';
import { packageRoot } from './package-root.js';
import { runProgram } from './run-script.js';
import type { Session } from './session.js';

/** Images of the default stack, by the names of scripts/images. */
const IMAGES = ['base', 'airflow', 'postgres'] as const;

/** Port of the UI on the local node; in the API server's default range for node ports. */
const UI_NODE_PORT = 30080;
/** Not `deploy`'s: it must not take this Service for one of its own that is gone from the stack. */
const LOCAL_FIELD_MANAGER = 'cdk8s-airflow-local';

interface KubeNode extends KubeObject {
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

/** @throws CliError USAGE if another cluster than the local one is named */
export function requireLocal(command: string, context: string | undefined): void {
  if (context !== undefined && context !== LOCAL_CONTEXT) {
    throw new CliError(
      EXIT_CODES.USAGE,
      `"${command}" is for the local cluster alone; for context '${context}' use "cdk8s-airflow deploy" or "destroy".`,
    );
  }
}

/** Runs scripts/cluster/cluster.sh. */
export async function clusterScript(
  command: 'up' | 'down',
  signal: AbortSignal,
  onLine: (line: string) => void,
): Promise<void> {
  const root = packageRoot();
  await runProgram('bash', [join(root, 'scripts', 'cluster', 'cluster.sh'), command], { cwd: root, signal, onLine });
}

/**
 * Builds the images that are missing and loads them into the local cluster.
 * @returns names of the images that were not there before
 */
export async function loadImages(signal: AbortSignal, onLine: (line: string) => void): Promise<ReadonlySet<string>> {
  const root = packageRoot();
  const loaded = new Set<string>();
  await runProgram('bash', [join(root, 'scripts', 'images', 'load.sh'), ...IMAGES], {
    cwd: root,
    signal,
    onLine: (line) => {
      const name = LOADING.exec(line)?.[1];
      if (name !== undefined) {
        loaded.add(name);
      }
      onLine(line);
    },
  });
  return loaded;
}

/** What scripts/cluster says when it loads an archive; of one that is there already it says so instead. */
const LOADING = /^loading ([a-z-]+)-[0-9a-f]+\.tar/;

/**
 * Starts the pods of a running stack anew whose image was rebuilt under the same tag, as it is while one works on this
 * package: nothing in their manifests has changed.
 * @returns names of the workloads
 */
export async function restartStale(session: Session, loaded: ReadonlySet<string>): Promise<string[]> {
  const { client, namespace, release } = session;
  const stale = (image: string): boolean =>
    image.includes('cdk8s-airflow/airflow:')
      ? loaded.has('airflow') || loaded.has('base')
      : image.includes('/postgres:') && loaded.has('postgres');
  const restarted: string[] = [];
  for (const kind of ['Deployment', 'StatefulSet']) {
    for (const workload of await client.list<Workload>('apps/v1', kind, namespace, `release=${release}`)) {
      const images = (workload.spec.template?.spec?.containers ?? []).flatMap(({ image }) => image ?? []);
      if (!images.some(stale)) {
        continue;
      }
      const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() };
      await client.request('PATCH', await client.pathOf('apps/v1', kind, namespace, workload.metadata.name), {
        query: { fieldManager: LOCAL_FIELD_MANAGER },
        body: { spec: { template: { metadata: { annotations } } } },
        contentType: 'application/merge-patch+json',
      });
      restarted.push(objectName(workload));
    }
  }
  return restarted;
}

/**
 * Makes the UI reachable from this machine at the node's own address, without a process that forwards: the Service of
 * the stack has an address inside the cluster only.
 * @returns its address
 */
export async function exposeUi(client: KubeClient, namespace: string, release: string): Promise<string> {
  const service: KubeObject & { spec: unknown } = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `${release}-ui-local`, namespace, labels: { tier: 'airflow', component: 'api-server', release } },
    spec: {
      type: 'NodePort',
      selector: { tier: 'airflow', component: 'api-server', release },
      ports: [{ name: 'http', port: API_PORT, targetPort: API_PORT, nodePort: UI_NODE_PORT, protocol: 'TCP' }],
    },
  };
  await apply(client, service, { fieldManager: LOCAL_FIELD_MANAGER });
  const nodes = await client.list<KubeNode>('v1', 'Node', '');
  const addresses = nodes
    .filter(({ metadata }) => metadata.labels?.type !== 'kwok')
    .flatMap(({ status }) => status?.addresses ?? []);
  const internal = addresses.find(({ type }) => type === 'InternalIP');
  return `http://${internal?.address ?? '127.0.0.1'}:${UI_NODE_PORT}`;
}
