import { type LaunchPolicy, PATHS } from '../../../constructs/contract.js';
import type { KubeClient } from './client.js';
import type { KubeObject } from './objects.js';

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** The namespaces that a release is in: its own, and those that its launch policy lists. */
export async function releaseNamespaces(client: KubeClient, namespace: string, release: string): Promise<string[]> {
  const config = await client.find<ConfigMap>('v1', 'ConfigMap', namespace, `${release}-pod-launcher`);
  const text = config?.data?.[PATHS.LAUNCH_POLICY_FILE];
  return [...new Set([namespace, ...(text === undefined ? [] : launchNamespaces(text))])];
}

/** A policy that nobody can read stops nobody from removing the rest. */
export function launchNamespaces(policy: string): string[] {
  try {
    const { namespaces } = JSON.parse(policy) as Partial<LaunchPolicy>;
    return Array.isArray(namespaces) ? namespaces.filter((each: unknown) => typeof each === 'string') : [];
  } catch {
    return [];
  }
}
