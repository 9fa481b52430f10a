import { summarize, type Summary } from './statistics.js';

/** Who is measured. */
export type Contender =
  /** A bare HTTP/2 session that creates the same pods: the API server's own limit. */
  | 'bare'
  /** The launcher alone, driven over its socket. */
  | 'launcher'
  /** The launcher behind the executor that Airflow loads. */
  | 'executor'
  /** The same with standby pods. */
  | 'standby'
  /** Airflow's own KubernetesExecutor, KubernetesPodOperator. */
  | 'stock'
  /** PodOperator, attached or, where the figure does not say so, deferrable. */
  | 'operator'
  | 'operator-deferred'
  /** The triggerer of a whole Airflow, and the child process in it that follows pods. */
  | 'triggerer'
  | 'watch-pods'
  /** Synthesis by the compiled app, and by the cdk8s command line. */
  | 'app'
  | 'cdk8s';

/** What is measured; the unit is part of the name where it is not a plain number. */
export const FIGURES = {
  createdPerSecond: { title: 'pods created a second', digits: 0, better: 'more' },
  settledPerSecond: { title: 'completions settled a second', digits: 0, better: 'more' },
  writesPerPod: { title: 'API writes a pod', digits: 2, better: 'less' },
  deletesPerPod: { title: 'DELETEs a pod', digits: 2, better: 'less' },
  refusedPerPod: { title: 'writes refused a pod', digits: 2, better: 'less' },
  heartbeatP99Ms: { title: 'heartbeat() p99, ms', digits: 1, better: 'less' },
  heartbeatMaxMs: { title: 'heartbeat() longest, ms', digits: 0, better: 'less' },
  intakeMs: { title: 'heartbeat() that takes all in, ms', digits: 0, better: 'less' },
  cpuMsPerPod: { title: 'CPU a pod, ms', digits: 2, better: 'less' },
  executorPssMb: { title: 'executor processes, PSS MB', digits: 0, better: 'less' },
  launcherRssMb: { title: 'launcher with all pods alive, RSS MB', digits: 0, better: 'less' },
  idleCpuPercent: { title: 'launcher at rest, % of a core', digits: 2, better: 'less' },
  recoverySeconds: { title: 'launcher killed, all tracked again, s', digits: 2, better: 'less' },
  fanOutSeconds: { title: 'mapped no-op tasks, first queued to last ended, s', digits: 1, better: 'less' },
  failedTasks: { title: 'of these failed', digits: 0, better: 'less' },
  podCpuSeconds: { title: 'CPU of a task pod, s', digits: 2, better: 'less' },
  podMemoryMb: { title: 'memory of a task pod, MB', digits: 0, better: 'less' },
  taskToPodEndSeconds: { title: 'end of a task to end of its pod, s', digits: 2, better: 'less' },
  schedulerPssIdleMb: { title: 'scheduler pod at rest, PSS MB', digits: 0, better: 'less' },
  schedulerPssBusyMb: { title: 'scheduler pod in the fan-out, PSS MB', digits: 0, better: 'less' },
  requestsPerPod: { title: 'API requests a pod, reads too', digits: 2, better: 'less' },
  idleRequestsPerMinute: { title: 'API requests a minute at rest', digits: 1, better: 'less' },
  queuedToRunningSeconds: { title: 'one task, queued to running, s', digits: 2, better: 'less' },
  startedAfterKillSeconds: { title: 'scheduler killed, all queued started, s', digits: 1, better: 'less' },
  succeededUnderQuota: { title: 'tasks succeeded under a quota of 8 pods', digits: 0, better: 'more' },
  succeededInOutage: { title: 'tasks succeeded over 22 s without API server', digits: 0, better: 'more' },
  outageRatio: { title: 'the same, time to the undisturbed time', digits: 2, better: 'less' },
  podTaskSeconds: { title: 'pod of 3 s as a task, start to end, s', digits: 2, better: 'less' },
  podTaskEndToSuccessSeconds: { title: 'the same, end of the pod to success, s', digits: 2, better: 'less' },
  podTaskRequests: { title: 'the same, API requests', digits: 1, better: 'less' },
  podTaskCpuSeconds: { title: 'the same, CPU of the task, s', digits: 2, better: 'less' },
  podTaskProcessMb: { title: "the same, the task's process at its peak, RSS MB", digits: 0, better: 'less' },
  podTaskChildMb: { title: 'the same, its child at its peak, RSS MB', digits: 0, better: 'less' },
  deferredTaskSeconds: { title: 'deferrable pod of 3 s, start to end, s', digits: 2, better: 'less' },
  deferredTaskEndToSuccessSeconds: { title: 'the same, end of the pod to success, s', digits: 2, better: 'less' },
  deferredTaskRequests: { title: 'the same, API requests', digits: 1, better: 'less' },
  deferredTaskCpuSeconds: { title: "the same, CPU in workers' tasks, s", digits: 2, better: 'less' },
  deferredTaskProcessMb: { title: "the same, a task's process at its peak, RSS MB", digits: 0, better: 'less' },
  deferredTaskChildMb: { title: 'the same, its child at its peak, RSS MB', digits: 0, better: 'less' },
  linesLost: { title: 'lines in 10 s, lost or out of order', digits: 0, better: 'less' },
  linesEndToSuccessSeconds: { title: 'the same, end of the pod to success, s', digits: 2, better: 'less' },
  importSeconds: { title: "import of the operator's module, s", digits: 2, better: 'less' },
  importBeyondSdkSeconds: { title: 'the same, beyond airflow.sdk, s', digits: 3, better: 'less' },
  importMb: { title: 'memory after it, RSS MB', digits: 0, better: 'less' },
  deferredCpuPercent: { title: 'deferred pods at rest, % of a core', digits: 2, better: 'less' },
  deferredPssMb: { title: 'deferred pods at rest, PSS MB', digits: 0, better: 'less' },
  deferredWatches: { title: 'deferred pods, watches and lists for all of them', digits: 0, better: 'less' },
  deferredRequestsPerMinute: { title: 'deferred pods at rest, API requests a minute', digits: 1, better: 'less' },
  deferredEndSeconds: { title: 'deferred pods end at once, all tasks ended, s', digits: 1, better: 'less' },
  synthSeconds: { title: 'synthesis of the default stack, s', digits: 2, better: 'less' },
} as const satisfies Record<string, { title: string; digits: number; better: 'more' | 'less' }>;

export type FigureName = keyof typeof FIGURES;

/** One measurement. `size`: workloads or pods; 0 where there are none. */
export interface Sample {
  readonly figure: FigureName;
  readonly contender: Contender;
  readonly size: number;
  readonly value: number;
}

/** All measurements of one figure. */
export interface Figure extends Summary {
  readonly figure: FigureName;
  readonly contender: Contender;
  readonly size: number;
  readonly values: readonly number[];
}

/** Brings the samples of all rounds together, in the order in which figures and contenders first appear. */
export function aggregate(samples: readonly Sample[]): Figure[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const name = `${sample.figure} ${sample.contender} ${sample.size}`;
    groups.set(name, [...(groups.get(name) ?? []), sample]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const values = group.map((sample) => sample.value);
    return first === undefined
      ? []
      : [{ figure: first.figure, contender: first.contender, size: first.size, ...summarize(values), values }];
  });
}
