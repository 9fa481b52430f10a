import { CliError, EXIT_CODES } from '../errors.js';
import type { KubeClient } from './client.js';
import type { Pod } from './objects.js';

/** Components whose pods serve Airflow's API: its names in Airflow 3 and 2. */
export const API_COMPONENTS = ['api-server', 'webserver'] as const;

/** Is the pod ready, and not on its way out? */
export function isReady({ metadata, status }: Pod): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    status?.conditions?.some((entry) => entry.type === 'Ready' && entry.status === 'True') === true
  );
}

/**
 * A ready pod of one of these components.
 * @throws CliError NOT_FOUND if there is no such pod, NOT_READY if none is ready
 */
export async function readyPod(
  client: KubeClient,
  namespace: string,
  release: string,
  components: readonly string[],
): Promise<Pod> {
  const selector = `release=${release},component in (${components.join(',')})`;
  const pods = await client.list<Pod>('v1', 'Pod', namespace, selector);
  const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const ready = living.find(isReady);
  if (ready !== undefined) {
    return ready;
  }
  const what = `${components[0] ?? ''} of release '${release}' in namespace '${namespace}'`;
  throw living.length === 0
    ? new CliError(EXIT_CODES.NOT_FOUND, `There is no ${what}; deploy the stack first.`)
    : new CliError(EXIT_CODES.NOT_READY, `No pod of the ${what} is ready; "cdk8s-airflow status" says why.`);
}
