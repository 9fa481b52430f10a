import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isInCluster, serviceAccountCluster } from '../api/credentials.js';
import type { ClusterPart } from '../run/request-parts.js';

/**
 * The kubeconfig that leads helm to the cluster of a choice.
 * @param folder for one that has to be written: only its owner may read it
 * @returns null: helm finds it by itself as this process does
 */
export function helmKubeconfig(cluster: ClusterPart, env: NodeJS.ProcessEnv, folder: string): string | null {
  if (cluster.configFile !== undefined) {
    return cluster.configFile;
  }
  const nothingSaid = cluster.config === undefined && cluster.context === undefined;
  // helm would look into ~/.kube/config first.
  const inCluster = cluster.inCluster === true || (nothingSaid && isInCluster(env));
  const text = inCluster ? JSON.stringify(serviceAccountCluster(env)) : cluster.config;
  if (text === undefined) {
    return null;
  }
  const file = join(folder, 'kubeconfig');
  writeFileSync(file, text, { mode: 0o600 });
  chmodSync(file, 0o600);
  return file;
}
