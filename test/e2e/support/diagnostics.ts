import type { KubeEvent, Pod } from '../../../src/cli/kube/objects.js';
import type { Cluster } from './cluster.js';

/** What explains a failed test: pods with their states, events, and the last lines of each container's log. */
export async function explain(cluster: Cluster): Promise<string> {
  const { kube, namespace } = cluster;
  const pods = await kube.list<Pod>('v1', 'Pod', namespace);
  const events = await kube.list<KubeEvent>('v1', 'Event', namespace);
  const parts = [`=== pods of ${namespace}`];
  for (const pod of pods) {
    parts.push(`${pod.metadata.name} ${pod.status?.phase ?? ''} ${pod.status?.reason ?? ''}`);
    const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
    for (const { name, restartCount, state } of statuses) {
      parts.push(`  ${name} restarts=${restartCount} ${JSON.stringify(state)}`);
    }
  }
  parts.push('=== events');
  for (const { involvedObject, reason, message, lastTimestamp, eventTime } of events.slice(-60)) {
    parts.push(`${lastTimestamp ?? eventTime ?? ''} ${involvedObject.name ?? ''} ${reason ?? ''}: ${message ?? ''}`);
  }
  for (const pod of pods) {
    const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
    const restarted = new Set(statuses.flatMap(({ name, restartCount }) => (restartCount > 0 ? [name] : [])));
    for (const { name } of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
      const path = `/api/v1/namespaces/${namespace}/pods/${pod.metadata.name}/log`;
      // What a container said before it was restarted is the reason; what it says now is not.
      for (const previous of restarted.has(name) ? [true, false] : [false]) {
        const log = await kube
          .requestText('GET', path, { query: { container: name, tailLines: 40, previous: String(previous) } })
          .catch((error: unknown) => String(error));
        parts.push(`=== ${pod.metadata.name} ${name}${previous ? ', before its restart' : ''}`, log);
      }
    }
  }
  return parts.join('\n');
}

/** Like `it`, but a failure prints what explains it before it is reported. */
export function itExplains(cluster: () => Cluster, name: string, body: () => Promise<void>, timeout: number): void {
  it(
    name,
    async () => {
      try {
        await body();
      } catch (error) {
        process.stderr.write(`${await explain(cluster()).catch((failure: unknown) => String(failure))}\n`);
        throw error;
      }
    },
    timeout,
  );
}
