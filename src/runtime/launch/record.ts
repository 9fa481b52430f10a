import type { EventKind, LaunchSpec, TaskKey } from '../link/messages.js';
import type { Condemned, Observation } from '../pods/observe.js';

/** Where a launch stands. `creating`: a create is under way. `ended`: a terminal outcome is known. */
export type Stage = 'queued' | 'creating' | 'pending' | 'running' | 'ended';

export type TerminalKind = Extract<EventKind, 'SUCCEEDED' | 'FAILED' | 'LOST' | 'CREATE_FAILED'>;

/** How a launch ended. */
export interface Outcome {
  readonly kind: TerminalKind;
  readonly at: number;
  readonly reason: string | null;
  readonly message: string | null;
  /** The last lines that the failed container wrote. */
  readonly output?: string | null;
  /** What Kubernetes' events say of the pod, the oldest first. */
  readonly podEvents?: readonly string[];
  readonly exitCode: number | null;
  readonly node: string | null;
  /** null: not known. */
  readonly started: boolean | null;
}

/**
 * How far a task is on its way into a standby pod. `none`: an ordinary pod. `open`: claimed, and as far as we know the
 * pod does not have the task. `done`: it has. `unknown`: another launcher, or this one before a restart, claimed it.
 */
export type HandOverState = 'none' | 'open' | 'done' | 'unknown';

/** Why the launcher itself takes a pod away. */
export interface Kill {
  readonly reason: string;
  readonly message: string;
}

/**
 * All that is known of one launch: a queued create, a pod, or an outcome that Airflow has not settled yet. There may
 * be 10,000 of them, so a record holds a few fields and neither pod nor workload once the pod exists.
 */
export interface LaunchRecord {
  readonly id: string;
  readonly attempt: number;
  /** Computed from the launch, or the name of the standby pod that it claimed. */
  podName: string;
  readonly namespace: string;
  readonly key: TaskKey;
  handOver: HandOverState;
  /** Id of the scheduler job whose launch it is; null: none that has connected to us. */
  owner: string | null;
  stage: Stage;
  /** What to create; null once the pod is known. */
  spec: LaunchSpec | null;
  uid: string | null;
  createdAt: number;
  /** When what the launch does now began: it waits, its pod starts, it has ended. Steady clock; null: unseen, or over. */
  since: number | null;
  /** When the API server first confirmed the pod, by the steady clock: only a later list can prove it gone. */
  confirmedAt: number;
  observation: Observation | null;
  outcome: Outcome | null;
  /** The pod does not exist any more, or never did. */
  gone: boolean;
  /** A create was sent and not answered: the pod may exist. */
  uncertain: boolean;
  createFailures: number;
  /** What the last create that did not succeed met. */
  lastProblem: string | null;
  revoked: boolean;
  kill: Kill | null;
  /** Its node is lost: nobody may ever confirm its end. */
  condemned: Condemned | null;
  /** Kinds told so far to the owner. */
  told: Set<EventKind> | null;
  /** Last PENDING that was told. */
  toldPending: string;
  /** A delete or label is under way or done: there is never a second one. */
  release: 'none' | 'deleting' | 'labelling';
  settledAt: number | null;
  /** Airflow has settled the outcome: it was acknowledged and not retained. */
  acknowledged: boolean;
  /** The shim has seen the outcome and could not settle it: it is told again at `reportAt`. */
  retained: boolean;
  /** When an outcome that nobody has settled is told again, milliseconds since the epoch. */
  reportAt: number;
}

/** Identity of a launch as a map key. */
export function launchKey(id: string, attempt: number): string {
  return `${id}/${attempt}`;
}

export function newRecord(
  identity: Pick<LaunchRecord, 'id' | 'attempt' | 'podName' | 'namespace' | 'key' | 'owner'>,
  stage: Stage,
  spec: LaunchSpec | null,
): LaunchRecord {
  return {
    ...identity,
    handOver: 'none',
    stage,
    spec,
    uid: null,
    createdAt: 0,
    since: null,
    confirmedAt: 0,
    observation: null,
    outcome: null,
    gone: false,
    uncertain: false,
    createFailures: 0,
    lastProblem: null,
    revoked: false,
    kill: null,
    condemned: null,
    told: null,
    toldPending: '',
    release: 'none',
    settledAt: null,
    acknowledged: false,
    retained: false,
    reportAt: 0,
  };
}

/** Fields that every log line about a launch carries. */
export function logFields(record: LaunchRecord): Record<string, unknown> {
  const { key } = record;
  return {
    dag: key.dagId,
    task: key.taskId,
    run: key.runId,
    try: key.tryNumber,
    ...(key.mapIndex >= 0 ? { mapIndex: key.mapIndex } : {}),
    pod: record.podName,
    namespace: record.namespace,
    launch: record.id,
    attempt: record.attempt,
  };
}
