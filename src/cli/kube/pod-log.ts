import { errorMessage } from '../errors.js';
import type { KubeClient } from './client.js';
import type { Problem } from './pod-problems.js';

/** Last lines of the container that a problem is about; of its previous run if it restarted. */
export async function problemLog(
  client: KubeClient,
  namespace: string,
  problem: Problem,
  lines: number,
): Promise<string[]> {
  if (!problem.hasLog) {
    return [];
  }
  const path = `/api/v1/namespaces/${namespace}/pods/${problem.object}/log`;
  const query = { container: problem.container, tailLines: lines };
  try {
    const text = await client
      .requestText('GET', path, { query: { ...query, previous: problem.reason === 'CrashLoopBackOff' } })
      // The previous container may be gone already.
      .catch(() => client.requestText('GET', path, { query }));
    return text.split('\n').filter((line) => line !== '');
  } catch (error) {
    return [`(no log: ${errorMessage(error)})`];
  }
}
