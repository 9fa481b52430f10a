/**
 * Reasons that failures are counted by: those of the launcher, and those that Kubernetes, its kubelet and its API server
 * give. Any pod may end with a word of its own, and each would be one more time series for ever.
 */
const KNOWN: ReadonlySet<string> = new Set([
  // The launcher's.
  'AlreadyExists',
  'Deleted',
  'Failed',
  'InvalidLaunch',
  'InvalidPod',
  'InvalidPodOverride',
  'InvalidPodTemplate',
  'Lost',
  'NamespaceNotAllowed',
  'NodeLost',
  'NotAfter',
  'PendingTimeout',
  'RequestEntityTooLarge',
  'StandbyLost',
  // The API server's.
  'BadRequest',
  'Forbidden',
  'Invalid',
  'NotFound',
  // The kubelet's, the scheduler's and the node's.
  'ContainerCannotRun',
  'CrashLoopBackOff',
  'CreateContainerConfigError',
  'CreateContainerError',
  'DeadlineExceeded',
  'Error',
  'ErrImageNeverPull',
  'ErrImagePull',
  'Evicted',
  'ImagePullBackOff',
  'InvalidImageName',
  'NodeAffinity',
  'NodeShutdown',
  'OOMKilled',
  'OutOfcpu',
  'OutOfmemory',
  'OutOfpods',
  'Preempted',
  'SchedulingGated',
  'StartError',
  'Terminated',
  'UnexpectedAdmissionError',
  'Unschedulable',
]);

/** Every value that `reasonLabel` gives. */
export const REASON_LABELS: readonly string[] = [...KNOWN, 'none', 'other'];

/** The reason as a label's value: `other` for one that nobody foresaw, `none` without one. */
export function reasonLabel(reason: string | null): string {
  return reason === null || reason === '' ? 'none' : KNOWN.has(reason) ? reason : 'other';
}
