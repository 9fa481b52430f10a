import { createHash } from 'node:crypto';
import {
  ENV,
  LABELS,
  PORTS,
  STANDBY_ANNOTATIONS,
  STANDBY_UNUSED,
  TASK_CONTAINER,
} from '../../../constructs/contract.js';
import type { PatchOperation } from '../api/kube-api.js';
import type { HandOverState } from '../launch/record.js';
import type { LaunchSpec } from '../link/messages.js';
import { safeLabelValue } from '../pods/identity.js';
import { isPlainObject, mergePods, type PodManifest } from '../pods/merge.js';
import type { Observation, RawPod } from '../pods/observe.js';
import { EXECUTOR_POD, identityAnnotations, identityLabels, type PodContext } from '../pods/pod.js';
import type { StandbyPod } from './plan.js';

const IDLE = 'idle';
const CLAIMED = 'claimed';
/** Importing Airflow may take long on a busy node. */
const START_WITHIN_SECONDS = 300;

/** Hash of all that makes one standby pod like another. */
export function templateHash(template: PodManifest, version: string): string {
  return createHash('sha256')
    .update(JSON.stringify([template, version]))
    .digest('hex')
    .slice(0, 16);
}

/** A pod of the template that waits for a task; `command` of the template stays, as it does with a task's own pod. */
export function buildStandbyPod(
  template: PodManifest,
  { deployment }: PodContext,
  given: Pick<StandbyPod, 'name' | 'namespace' | 'owner' | 'template' | 'secret'>,
): PodManifest {
  const { name, namespace, owner, secret } = given;
  const pod = mergePods(template, {
    metadata: {
      labels: { [LABELS.DEPLOYMENT]: deployment, [LABELS.STANDBY]: IDLE },
      annotations: { [STANDBY_ANNOTATIONS.OWNER]: owner, [STANDBY_ANNOTATIONS.TEMPLATE]: given.template },
    },
    spec: {
      restartPolicy: 'Never',
      containers: [
        {
          name: TASK_CONTAINER,
          args: ['python', '-m', 'airflow_pod_launcher.standby'],
          env: [
            EXECUTOR_POD,
            { name: ENV.STANDBY_SECRET, value: secret.toString('hex') },
            { name: ENV.STANDBY_ADDRESS, valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          ],
          // Not a readiness probe: that would go on while the task runs.
          startupProbe: {
            tcpSocket: { port: PORTS.STANDBY },
            periodSeconds: 1,
            failureThreshold: START_WITHIN_SECONDS,
          },
        },
      ],
    },
  });
  const metadata: Record<string, unknown> = { ...(isPlainObject(pod.metadata) ? pod.metadata : {}), name, namespace };
  delete metadata.generateName;
  return { ...pod, apiVersion: 'v1', kind: 'Pod', metadata };
}

/** A standby pod that no launch has; null for any other pod. */
export function viewStandby(pod: RawPod): StandbyPod | null {
  return pod.metadata?.labels?.[LABELS.STANDBY] === IDLE ? viewAny(pod) : null;
}

/** The standby pod that a launch claimed; null when it is none. */
export function viewClaimed(pod: RawPod): StandbyPod | null {
  return pod.metadata?.labels?.[LABELS.STANDBY] === CLAIMED ? viewAny(pod) : null;
}

function viewAny({ metadata, spec, status }: RawPod): StandbyPod | null {
  const base = spec?.containers?.find((container) => container.name === TASK_CONTAINER);
  const secret = base?.env?.findLast((variable) => variable.name === ENV.STANDBY_SECRET)?.value;
  if (metadata?.name === undefined || metadata.uid === undefined || secret === undefined) {
    return null;
  }
  const running = status?.containerStatuses?.find((container) => container.name === TASK_CONTAINER);
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed' || metadata.deletionTimestamp !== undefined;
  const ready = running?.state?.running !== undefined && running.started === true && status?.podIP !== undefined;
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    uid: metadata.uid,
    owner: metadata.annotations?.[STANDBY_ANNOTATIONS.OWNER] ?? '',
    template: metadata.annotations?.[STANDBY_ANNOTATIONS.TEMPLATE] ?? '',
    createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
    state: ended ? 'over' : ready ? 'ready' : 'starting',
    node: spec?.nodeName ?? null,
    ip: status?.podIP ?? '',
    secret: Buffer.from(secret, 'hex'),
  };
}

/** Makes an idle standby pod the pod of a launch, in one step that only one launch can take. */
export function claimPatch(spec: LaunchSpec, uid: string, context: PodContext): PatchOperation[] {
  const label = `/metadata/labels/${escape(LABELS.STANDBY)}`;
  const add = (field: string, values: Readonly<Record<string, string>>): PatchOperation[] =>
    Object.entries(values).map(([name, value]) => ({
      op: 'add',
      path: `/metadata/${field}/${escape(name)}`,
      value,
    }));
  return [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: label, value: IDLE },
    { op: 'replace', path: label, value: CLAIMED },
    ...add('labels', identityLabels(spec, context)),
    ...add('annotations', identityAnnotations(spec)),
  ];
}

/** A name in a JSON Pointer (RFC 6901). */
function escape(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/**
 * What a standby pod says about the task that is on its way into it; pure. Until the pod has the task its container runs
 * for nobody, and when it ends the task has not started as far as anybody knows.
 */
export function asOfTask(handOver: HandOverState, seen: Observation): Observation {
  if (handOver === 'none' || seen.phase === 'succeeded') {
    return seen;
  }
  const without = handOver === 'open';
  if (without && seen.phase === 'running') {
    return { ...seen, phase: 'pending', reason: null, message: null, started: false };
  }
  if (seen.exitCode === STANDBY_UNUSED) {
    const message = 'the standby pod ended before the task was handed over to it';
    return { ...seen, reason: 'StandbyLost', message, started: false };
  }
  return without ? { ...seen, started: false } : seen;
}

/** The owner as it goes into a pod: hosts may have any name. */
export function ownerName(host: string): string {
  return safeLabelValue(host);
}
