import { randomBytes } from 'node:crypto';
import { asKubeError } from '../api/errors.js';
import type { KubeApi } from '../api/kube-api.js';
import type { LaunchConfig } from '../config/config-folder.js';
import { backoffMs } from '../launch/backoff.js';
import type { PodWriter } from '../launch/pod-writer.js';
import type { LaunchRecord } from '../launch/record.js';
import type { Logger } from '../log.js';
import type { PodHandler } from '../pods/informer.js';
import { isPlainObject, type PodManifest } from '../pods/merge.js';
import { observe, type RawPod } from '../pods/observe.js';
import { isEligible, planStandby, type StandbyPod, type StandbySituation } from './plan.js';
import { buildStandbyPod, templateHash, viewStandby } from './pod.js';

export interface StandbyPoolOptions {
  readonly api: KubeApi;
  readonly writer: PodWriter;
  readonly config: () => LaunchConfig;
  /** Whose pods it keeps; the same after a restart. */
  readonly owner: string;
  readonly version: string;
  readonly log: Logger;
  readonly now: () => number;
  readonly steady: () => number;
}

/** What the pool does not know itself. */
export type Demand = Pick<StandbySituation, 'draining' | 'mayCreate' | 'full' | 'queued' | 'pending' | 'running'>;

const SECRET_BYTES = 32;
/** After pods that could not be created, or ended before they were ready. */
const CREATE_RETRY = { baseMs: 2000, capMs: 300_000 };
/** After tasks that could not be handed over. */
const USE_RETRY = { baseMs: 10_000, capMs: 600_000 };
const FAILURES_IN_A_ROW = 3;
/** A node that starts the next standby pod has less left for the task that just got one. */
const SETTLE_MS = 2000;

/**
 * Keeps as many standby pods as the policy says, of the template in force. Every launcher sees all of the deployment's
 * and may use them; it makes and removes its own only, so that two of them need not agree, and those of one that died are
 * used up or end themselves.
 */
export class StandbyPool implements PodHandler {
  /** Idle pods by uid. */
  private readonly pods = new Map<string, StandbyPod>();
  /** Pods that a launch is about to claim, by uid. */
  private readonly taken = new Set<string>();
  private readonly removing = new Set<string>();
  private creating = 0;
  /** Created, and not seen by the watch yet: uid and when the API server confirmed it. */
  private readonly unseen = new Map<string, number>();
  private createFailures = 0;
  private createAfter = -Infinity;
  private useFailures = 0;
  private useAfter = -Infinity;
  private hash: { readonly of: PodManifest; readonly value: string } | null = null;

  constructor(private readonly options: StandbyPoolOptions) {}

  onPod(raw: RawPod): void {
    const uid = raw.metadata?.uid ?? '';
    this.unseen.delete(uid);
    const pod = viewStandby(raw);
    if (pod === null) {
      this.forget(uid);
      return;
    }
    const before = this.pods.get(uid)?.state;
    this.pods.set(uid, pod);
    if (pod.owner !== this.options.owner || before === pod.state) {
      return;
    }
    const { log } = this.options;
    const fields = { pod: pod.name, namespace: pod.namespace };
    if (pod.state === 'ready') {
      this.createFailures = 0;
      log.info(fields, 'standby pod is ready');
    } else if (pod.state === 'over' && before === 'starting' && !this.removing.has(uid)) {
      const { reason, message } = observe(raw);
      log.warn({ ...fields, reason, error: message }, 'standby pod ended before it was ready');
      this.createFailed();
    }
  }

  onDeleted(raw: RawPod): void {
    const uid = raw.metadata?.uid ?? '';
    this.unseen.delete(uid);
    this.forget(uid);
  }

  onListed(namespace: string, startedAt: number, uids: ReadonlySet<string>): void {
    for (const pod of [...this.pods.values()]) {
      if (pod.namespace === namespace && !uids.has(pod.uid)) {
        this.forget(pod.uid);
      }
    }
    for (const [uid, confirmedAt] of this.unseen) {
      if (confirmedAt < startedAt) {
        this.unseen.delete(uid);
      }
    }
  }

  /** Takes a ready pod for the launch out of the pool, the own ones first; null when there is none for it. */
  take(record: LaunchRecord): StandbyPod | null {
    const { config, owner, steady } = this.options;
    const { policy, templates } = config();
    const { spec, namespace } = record;
    if (this.pods.size === 0 || steady() < this.useAfter || spec === null) {
      return null;
    }
    if (!isEligible(spec, namespace, policy) || !templates.hasDefault(spec.queue)) {
      return null;
    }
    const template = this.hashOf(templates.default());
    const ready = [...this.pods.values()].filter(
      (pod) =>
        pod.state === 'ready' && pod.template === template && !this.taken.has(pod.uid) && !this.removing.has(pod.uid),
    );
    const pod = ready.find((one) => one.owner === owner) ?? ready[0] ?? null;
    if (pod !== null) {
      this.taken.add(pod.uid);
      this.createAfter = Math.max(this.createAfter, steady() + SETTLE_MS);
    }
    return pod;
  }

  /** A task was handed over. */
  served(): void {
    this.useFailures = 0;
  }

  /** A task could not be handed over: when that happens again and again, launches get ordinary pods for a while. */
  failed(): void {
    const { steady, log } = this.options;
    this.useFailures += 1;
    if (this.useFailures >= FAILURES_IN_A_ROW) {
      const waitMs = backoffMs(USE_RETRY, this.useFailures - FAILURES_IN_A_ROW + 1, 1);
      this.useAfter = steady() + waitMs;
      log.error(
        { failures: this.useFailures, waitMs },
        'standby pods are not used for a while: may the scheduler pod connect to pods of tasks?',
      );
    }
  }

  /** Creates and removes pods until there are as many as there should be; called every second. */
  keep(demand: Demand): void {
    const { config, owner, now, steady, writer } = this.options;
    const { policy, templates } = config();
    const template = templates.default();
    const own = [...this.pods.values()].filter((pod) => pod.owner === owner && !this.taken.has(pod.uid));
    if (own.length === 0 && (policy.standbyPods ?? 0) === 0) {
      return;
    }
    // Pods that share the node's network would share one port.
    const shared = isPlainObject(template?.spec) && template.spec.hostNetwork === true;
    const { create, remove } = planStandby({
      ...demand,
      pods: own.filter((pod) => !this.removing.has(pod.uid)),
      creating: this.creating + this.unseen.size,
      policy: template === null || shared ? { ...policy, standbyPods: 0 } : policy,
      template: this.hashOf(template),
      mayCreate: demand.mayCreate && steady() >= this.createAfter,
      now: now(),
    });
    for (const { namespace, name, uid } of remove) {
      this.removing.add(uid);
      writer.delete({ namespace, podName: name, uid }, 'now', () => undefined);
    }
    for (let count = 0; template !== null && count < create; count += 1) {
      void this.create(template);
    }
  }

  /** Numbers for the health endpoint. */
  status(): Record<string, number> {
    const own = [...this.pods.values()].filter((pod) => pod.owner === this.options.owner);
    const count = (state: StandbyPod['state']): number => own.filter((pod) => pod.state === state).length;
    return { standbyReady: count('ready'), standbyStarting: count('starting') + this.creating + this.unseen.size };
  }

  private async create(template: PodManifest): Promise<void> {
    const { api, config, owner, steady, log } = this.options;
    const { policy } = config();
    const namespace = policy.namespaces[0] ?? '';
    const name = `${podNamePrefix(policy.deployment)}standby-${randomBytes(5).toString('hex')}`;
    const identity = { name, namespace, owner, template: this.hashOf(template), secret: randomBytes(SECRET_BYTES) };
    this.creating += 1;
    try {
      const uid = await api.createPod(namespace, JSON.stringify(buildStandbyPod(template, policy, identity)));
      if (!this.pods.has(uid)) {
        this.unseen.set(uid, steady());
      }
    } catch (error) {
      // If the pod is there all the same, the watch shows it.
      const { status, message } = asKubeError(error);
      log.warn({ pod: name, namespace, status, error: message }, 'standby pod not created');
      this.createFailed();
    } finally {
      this.creating -= 1;
    }
  }

  private createFailed(): void {
    this.createFailures += 1;
    this.createAfter = this.options.steady() + backoffMs(CREATE_RETRY, this.createFailures, Math.random());
  }

  private forget(uid: string): void {
    this.pods.delete(uid);
    this.taken.delete(uid);
    this.removing.delete(uid);
  }

  /** Once for each template: it is asked for with every launch. */
  private hashOf(template: PodManifest | null): string {
    if (template === null) {
      return '';
    }
    if (this.hash?.of !== template) {
      this.hash = { of: template, value: templateHash(template, this.options.version) };
    }
    return this.hash.value;
  }
}

/** A deployment may have characters that a pod's name may not. */
function podNamePrefix(deployment: string): string {
  const text = deployment.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `${text.slice(0, 40)}-`;
}
