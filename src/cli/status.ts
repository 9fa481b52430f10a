import type { KubeClient } from './kube/client.js';
import { objectName, type KubeEvent, type KubeObject, type Pod, type Workload } from './kube/objects.js';
import { describeProblem, podProblems, workloadProblems } from './kube/pod-problems.js';
import { rolloutState } from './kube/rollout.js';
import { table } from './table.js';

interface Claim extends KubeObject {
  readonly spec: { readonly accessModes?: readonly string[]; readonly storageClassName?: string };
  readonly status?: { readonly phase?: string; readonly capacity?: { readonly storage?: string } };
}

/** What `status` reads from the cluster. */
export interface Observed {
  readonly workloads: readonly Workload[];
  readonly pods: readonly Pod[];
  readonly claims: readonly Claim[];
  readonly events: readonly KubeEvent[];
}

export interface Status {
  readonly ready: boolean;
  readonly workloads: readonly { name: string; ready: boolean; state: string; images: string[]; problems: string[] }[];
  readonly pods: readonly {
    name: string;
    phase: string;
    ready: string;
    restarts: number;
    node: string;
    images: string[];
    problems: string[];
  }[];
  readonly claims: readonly { name: string; phase: string; capacity: string; storageClass: string }[];
}

const WORKLOADS = [
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  ['batch/v1', 'Job'],
] as const;

/** @param taskPods selector of the pods that run tasks */
export async function observe(
  client: KubeClient,
  namespace: string,
  release: string,
  taskPods: string,
): Promise<Observed> {
  const selector = `release=${release}`;
  const [workloads, pods, tasks, claims, events] = await Promise.all([
    Promise.all(WORKLOADS.map(([version, kind]) => client.list<Workload>(version, kind, namespace, selector))),
    client.list<Pod>('v1', 'Pod', namespace, selector),
    client.list<Pod>('v1', 'Pod', namespace, taskPods),
    client.list<Claim>('v1', 'PersistentVolumeClaim', namespace, selector),
    client.list<KubeEvent>('v1', 'Event', namespace),
  ]);
  const byName = new Map([...pods, ...tasks].map((pod) => [pod.metadata.name, pod]));
  return { workloads: workloads.flat(), pods: [...byName.values()], claims, events };
}

export function statusOf({ workloads, pods, claims, events }: Observed): Status {
  const states = workloads.map((workload) => {
    const { done, summary, failure } = rolloutState(workload);
    return {
      name: objectName(workload),
      ready: done,
      state: failure === undefined ? summary : `${summary}: ${failure}`,
      images: (workload.spec.template?.spec?.containers ?? []).flatMap(({ image }) => image ?? []),
      problems: done ? [] : workloadProblems(workload, events).map(describeProblem),
    };
  });
  return {
    ready: states.length > 0 && states.every(({ ready }) => ready),
    workloads: states,
    pods: pods.map((pod) => podStatus(pod, events)),
    claims: claims.map(({ metadata, spec, status = {} }) => ({
      name: metadata.name,
      phase: status.phase ?? '',
      capacity: status.capacity?.storage ?? '',
      storageClass: spec.storageClassName ?? '',
    })),
  };
}

function podStatus(pod: Pod, events: readonly KubeEvent[]): Status['pods'][number] {
  const main = pod.status?.containerStatuses ?? [];
  // Native sidecars count as kubectl counts them; other init containers have ended.
  const sidecars = new Set(
    (pod.spec.initContainers ?? []).flatMap((c) => (c.restartPolicy === 'Always' ? c.name : [])),
  );
  const init = pod.status?.initContainerStatuses ?? [];
  const lasting = [...main, ...init.filter(({ name }) => sidecars.has(name))];
  return {
    name: pod.metadata.name,
    phase: pod.metadata.deletionTimestamp === undefined ? (pod.status?.phase ?? 'Pending') : 'Terminating',
    ready: `${lasting.filter((entry) => entry.ready).length}/${pod.spec.containers.length + sidecars.size}`,
    restarts: [...main, ...init].reduce((sum, entry) => sum + entry.restartCount, 0),
    node: pod.spec.nodeName ?? '',
    images: pod.spec.containers.flatMap(({ image }) => image ?? []),
    problems: podProblems(pod, events).map(describeProblem),
  };
}

/** The status as tables for people. */
export function statusText(status: Status): string {
  const parts = [
    table(
      ['WORKLOAD', 'STATE', 'IMAGES'],
      status.workloads.map(({ name, state, images }) => [name, state, images.join(', ')]),
    ),
    table(
      ['POD', 'PHASE', 'READY', 'RESTARTS', 'NODE', 'IMAGES'],
      status.pods.map((pod) => [pod.name, pod.phase, pod.ready, String(pod.restarts), pod.node, pod.images.join(', ')]),
    ),
    table(
      ['CLAIM', 'PHASE', 'CAPACITY', 'CLASS'],
      status.claims.map((claim) => [claim.name, claim.phase, claim.capacity, claim.storageClass]),
    ),
  ];
  const problems = [...status.workloads, ...status.pods].flatMap((entry) => entry.problems);
  if (problems.length > 0) {
    parts.push(['PROBLEMS', ...problems].join('\n'));
  }
  return parts.join('\n\n');
}
