import type { LaunchPolicy } from '../../../constructs/contract.js';
import type { LaunchRecord } from './record.js';
import { isExpired } from './settler.js';

/** What only the passing of time asks for. */
export type Chore =
  | 'nothing'
  /** Its pod was not created before its deadline. */
  | 'expire'
  /** Nobody will ask for it again. */
  | 'forget'
  /** Pending for too long: delete the pod, then it counts as failed. */
  | 'kill'
  /** Its node is lost and its grace period over: it counts as failed, though nobody confirms it. */
  | 'give-up'
  /** The time that a kept pod is kept for is up, or a revoked one is still there. */
  | 'delete'
  /** Ended, and no scheduler that is connected owns it. */
  | 'tell-orphan'
  /** The shim has seen the outcome and could not settle it then. */
  | 'tell-again';

/** The API server's clock may be so much ahead of ours, and a kubelet that lives so slow. */
const CONDEMNED_GRACE_MS = 10_000;
/** An outcome without a pod that a dead scheduler left: so long may another adopt it. */
const FORGET_AFTER_MS = 600_000;

/**
 * Decides what is due for one record; pure.
 * @param peer the scheduler: its job id, and whether it is connected and may be told
 */
export function nextChore(
  record: LaunchRecord,
  policy: LaunchPolicy,
  peer: { readonly jobId: string | null; readonly ready: boolean },
  now: number,
): Chore {
  const own = record.owner !== null && record.owner === peer.jobId;
  const { outcome } = record;
  if (outcome === null) {
    return dueBeforeEnd(record, policy, own, now);
  }
  if (record.gone && !own) {
    return now - outcome.at > FORGET_AFTER_MS ? 'forget' : 'nothing';
  }
  if (isExpired(record, policy, now, own)) {
    return 'delete';
  }
  const open = !record.acknowledged && record.settledAt === null && !record.revoked;
  if (!open || !peer.ready || now < record.reportAt) {
    return 'nothing';
  }
  if (!own) {
    return 'tell-orphan';
  }
  return record.retained ? 'tell-again' : 'nothing';
}

function dueBeforeEnd(record: LaunchRecord, policy: LaunchPolicy, own: boolean, now: number): Chore {
  if (record.stage === 'queued' && record.spec !== null && now >= record.spec.notAfter) {
    return own ? 'expire' : 'forget';
  }
  if (record.condemned !== null && now > record.condemned.at + CONDEMNED_GRACE_MS) {
    return 'give-up';
  }
  const limitMs = policy.pendingTimeoutSeconds * 1000;
  const late = record.stage === 'pending' && limitMs > 0 && now - record.createdAt > limitMs;
  // A pod of another scheduler is for its own launcher to judge.
  return late && own && record.uid !== null && record.release === 'none' ? 'kill' : 'nothing';
}
