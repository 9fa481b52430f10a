import { STANDBY_MAX_AGE_SECONDS, type LaunchPolicy } from '../../../constructs/contract.js';
import type { LaunchSpec } from '../link/messages.js';

/** Where a standby pod stands. `over`: its container has ended. */
export type StandbyState = 'starting' | 'ready' | 'over';

/** A pod that waits for a task, or will. */
export interface StandbyPod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** Name of the launcher that keeps it. */
  readonly owner: string;
  /** Hash of what it was made of. */
  readonly template: string;
  readonly createdAt: number;
  readonly state: StandbyState;
  readonly node: string | null;
  readonly ip: string;
  readonly secret: Buffer;
}

/** What the number of standby pods depends on. */
export interface StandbySituation {
  /** This launcher's own. */
  readonly pods: readonly StandbyPod[];
  /** Creates under way. */
  readonly creating: number;
  readonly policy: LaunchPolicy;
  readonly template: string;
  /** The scheduler is about to go for good. */
  readonly draining: boolean;
  /** May pods be created: a live lease, and nothing that says to wait? */
  readonly mayCreate: boolean;
  /** Is the namespace out of quota? Tasks go first. */
  readonly full: boolean;
  /** Launches that wait for a pod. */
  readonly queued: number;
  /** Launches whose pods do not run yet. */
  readonly pending: number;
  readonly running: number;
  readonly now: number;
}

/** What to do about the standby pods. */
export interface StandbyPlan {
  readonly create: number;
  readonly remove: readonly StandbyPod[];
}

/** Before the pod ends itself. */
const MAX_AGE_MS = (STANDBY_MAX_AGE_SECONDS - 300) * 1000;

/** Decides how many standby pods to make and which to take away; pure. */
export function planStandby(situation: StandbySituation): StandbyPlan {
  const { pods, creating, policy, template, draining, mayCreate, full, queued, pending, running, now } = situation;
  const room = policy.maxPods === 0 ? Infinity : policy.maxPods - queued - pending - running;
  const wanted = draining || full ? 0 : Math.max(0, Math.min(policy.standbyPods ?? 0, room));
  const good = pods
    .filter((pod) => pod.state !== 'over' && pod.template === template && now - pod.createdAt < MAX_AGE_MS)
    .sort((one, other) => rank(one) - rank(other) || one.createdAt - other.createdAt);
  const kept = new Set(good.slice(0, wanted));
  const remove = pods.filter((pod) => !kept.has(pod));
  const starting = [...kept].filter((pod) => pod.state === 'starting').length + creating;
  const pendingRoom = policy.maxPendingPods === 0 ? Infinity : policy.maxPendingPods - pending - starting;
  // Whoever waits for a pod already goes first.
  const mayNow = mayCreate && queued === 0;
  return { create: mayNow ? Math.max(0, Math.min(wanted - kept.size - creating, pendingRoom)) : 0, remove };
}

function rank(pod: StandbyPod): number {
  return pod.state === 'ready' ? 0 : 1;
}

/** Would this launch's pod be like a standby pod? A launch that failed once gets an ordinary pod. Pure. */
export function isEligible(spec: LaunchSpec, namespace: string, policy: LaunchPolicy): boolean {
  return (
    spec.attempt === 1 && spec.podOverride === null && spec.podTemplate === null && namespace === policy.namespaces[0]
  );
}
