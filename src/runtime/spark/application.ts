import type { Collection, KubeObject } from '../api/object-api.js';

/** The kind that Spark's operator for Kubernetes brings along. */
export const SPARK_APPLICATION = { kind: 'SparkApplication', apiVersion: 'sparkoperator.k8s.io/v1beta2' } as const;

/** What is looked at of one. */
export interface SparkApplication extends KubeObject {
  readonly spec?: {
    readonly restartPolicy?: { readonly type?: string; readonly onSubmissionFailureRetries?: number };
  };
  readonly status?: {
    readonly applicationState?: { readonly state?: string; readonly errorMessage?: string };
    readonly driverInfo?: { readonly podName?: string };
    /** Another one for each submission. */
    readonly submissionID?: string;
    readonly executionAttempts?: number;
  };
}

export function applicationsOf(namespace: string): Collection<SparkApplication> & { readonly namespace: string } {
  return { apiVersion: SPARK_APPLICATION.apiVersion, plural: 'sparkapplications', namespace };
}

/** How far an application has come. */
export type ApplicationStage =
  /** Nobody has taken it yet. */
  | 'new'
  /** It has no running driver. */
  | 'submitted'
  | 'running'
  | 'ended';

/** What matters of an application to its run. */
export interface ApplicationView {
  readonly stage: ApplicationStage;
  /** As the operator says it; empty before it has said anything. */
  readonly state: string;
  /** What it says of an error. */
  readonly message: string | null;
  /** null: it has not ended. */
  readonly succeeded: boolean | null;
  /** null: none is known. The attempt is another text for each pod of that name. */
  readonly driver: { readonly pod: string; readonly attempt: string } | null;
}

/** The driver runs, or has run: it has a log. */
const RUNNING: ReadonlySet<string> = new Set(['RUNNING', 'SUCCEEDING', 'FAILING']);

/** The view of an application; pure. */
export function viewApplication({ spec, status }: SparkApplication): ApplicationView {
  const state = status?.applicationState?.state ?? '';
  const said = status?.applicationState?.errorMessage ?? '';
  const pod = status?.driverInfo?.podName ?? '';
  const succeeded = state === 'COMPLETED' ? true : hasFailed(state, spec?.restartPolicy) ? false : null;
  const stage = succeeded !== null ? 'ended' : state === '' ? 'new' : RUNNING.has(state) ? 'running' : 'submitted';
  const attempt = status?.submissionID ?? String(status?.executionAttempts ?? 0);
  return {
    stage,
    state,
    message: said === '' ? null : said,
    succeeded,
    driver: pod === '' ? null : { pod, attempt },
  };
}

type RestartPolicy = NonNullable<NonNullable<SparkApplication['spec']>['restartPolicy']>;

/** FAILED follows when every retry is used up; a failed submission is final only where none is allowed. */
function hasFailed(state: string, { type, onSubmissionFailureRetries = 0 }: RestartPolicy = {}): boolean {
  const retries = type === 'OnFailure' && onSubmissionFailureRetries > 0;
  return state === 'FAILED' || (state === 'SUBMISSION_FAILED' && !retries);
}
