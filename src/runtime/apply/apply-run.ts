import { asKubeError } from '../api/errors.js';
import type { Collection, KubeObject, ObjectApi } from '../api/object-api.js';
import { steadyNow } from '../clock.js';
import { backoffMs } from '../launch/backoff.js';
import { pause } from '../pause.js';
import { Discovery } from '../run/discovery.js';
import { type EventSink, RunError, type RunOutcome } from '../run/events.js';
import { patiently, type Patience } from '../run/patience.js';
import { check, type CheckOptions } from './check.js';
import { parseCondition } from './condition.js';
import { type ManifestDocument, readDocuments } from './documents.js';
import type { ApplyEvent, ObjectFate } from './events.js';
import { FirstConsumers } from './first-consumers.js';
import { stage } from './groundwork.js';
import { PodLogs } from './pod-logs.js';
import type { ApplyRequest } from './request.js';
import { describeName, isMadeBy, makerOf, nameOf, type Target } from './target.js';
import { waitFor, type WaitFailure } from './wait.js';
import { write, type Written } from './write.js';

export interface ApplyRunOptions {
  readonly api: ObjectApi;
  readonly request: ApplyRequest;
  /** Where no document and no request says it. */
  readonly defaultNamespace: string;
  /** Who makes objects in a run of no task. */
  readonly random: string;
  readonly sink: EventSink<ApplyEvent>;
  /** Ends the run and deletes what it made if the request says so. */
  readonly kill: AbortSignal;
  /** Ends the run; nothing is deleted. Without effect once the run is killed. */
  readonly detach: AbortSignal;
}

/** How a run was left. */
export interface ApplyLeft {
  readonly outcome: RunOutcome | 'detached';
  /** Of the Pod that was followed. */
  readonly exitCode: number | null;
}

type End = Pick<WaitFailure, 'message'> & { readonly outcome: RunOutcome; readonly reason: string };
type Done = { outcome: 'succeeded'; reason: null; message: null } | End;

/** What is cleaned up is not worth waiting longer for. */
const CLEANUP_PATIENCE_MS = 30_000;
const KIND_LISTED_MS = 15_000;
const KIND_RETRY = { baseMs: 100, capMs: 1000 };
const NAMESPACES: Collection<KubeObject> = { apiVersion: 'v1', plural: 'namespaces', namespace: null };
const SUCCEEDED = { outcome: 'succeeded', reason: null, message: null } as const;
const KILLED: End = { outcome: 'killed', reason: 'Killed', message: 'the run was told to end' };

/** One run: tries all documents on the server, changes, waits, cleans up. */
export class ApplyRun {
  private readonly documents: ManifestDocument[];
  private readonly maker: string;
  private readonly signal: AbortSignal;
  private readonly patience: Patience;
  private readonly discovery: Discovery;
  private readonly logs: PodLogs;
  /** What was, or may have been, written; in this order. */
  private readonly begun: { target: Target; written: Written | null; fate: ObjectFate }[] = [];

  /** @throws ConfigError when the manifests cannot be read */
  constructor(private readonly options: ApplyRunOptions) {
    const { api, detach, kill, random, request, sink } = options;
    this.documents = readDocuments(request.manifests);
    this.maker = makerOf(request.task, random);
    this.signal = AbortSignal.any([kill, detach]);
    this.patience = { patienceMs: request.patienceSeconds * 1000, signal: this.signal };
    this.discovery = new Discovery(api, this.patience);
    this.logs = new PodLogs({ api, sink, signal: this.signal, patienceMs: this.patience.patienceMs });
  }

  /** @throws RunError, ConfigError: nothing was changed, or the message says what was */
  async run(): Promise<ApplyLeft> {
    let done: Done;
    try {
      done = await this.proceed();
    } catch (error) {
      if (this.options.detach.aborted && !this.options.kill.aborted) {
        return { outcome: 'detached', exitCode: null };
      }
      if (!this.options.kill.aborted) {
        await this.cleanUp('failed');
        throw this.withChanges(error);
      }
      done = KILLED;
    }
    if (this.options.kill.aborted) {
      done = KILLED;
    } else if (this.options.detach.aborted) {
      return { outcome: 'detached', exitCode: null };
    }
    await this.cleanUp(done.outcome);
    const { exitCode } = this.logs;
    const objects = this.begun.map(({ target, written, fate }) => ({
      ...nameOf(target),
      uid: written?.uid ?? '',
      fate,
    }));
    this.tell({ type: 'ended', ...done, exitCode, objects, requests: this.options.api.requests() });
    return { outcome: done.outcome, exitCode };
  }

  private async proceed(): Promise<Done> {
    const { request } = this.options;
    if (request.action === 'delete') {
      const targets = await check(this.documents, this.checks());
      this.tell({ type: 'checked', objects: targets.length });
      return this.wait(await this.deleteAll(targets));
    }
    const staged = await stage(this.documents, this.discovery, (name) => this.hasNamespace(name));
    const targets = await check(staged.now, this.checks());
    const isGroundwork = ({ document }: Target): boolean => staged.groundwork.includes(document);
    if (staged.late.length > 0) {
      await this.writeAll(targets.filter(isGroundwork));
      targets.push(...(await this.checkLate(staged.late)));
    }
    this.tell({ type: 'checked', objects: targets.length });
    // In the order of the documents, as people write them.
    const rest = this.documents.flatMap((document) => targets.filter((one) => one.document === document));
    await this.writeAll(rest.filter((target) => !isGroundwork(target) || staged.late.length === 0));
    return this.wait(this.begun.flatMap(({ written }) => (written === null ? [] : [written])));
  }

  private async wait(written: readonly Written[]): Promise<Done> {
    const { api, request, sink } = this.options;
    const claims = request.firstConsumer === 'skip' ? new FirstConsumers(this.options, this.patience) : null;
    const waited = claims === null ? written : await claims.withoutKnown(written);
    try {
      const [failure, failedPod] = await Promise.all([
        waitFor(waited, { api, request, sink, signal: this.signal, excuse: (one) => claims?.excuseOf(one) }),
        request.follow ? this.logs.follow(written) : null,
      ]);
      const wrong = failure ?? failedPod;
      return wrong === null ? SUCCEEDED : { outcome: 'failed', ...wrong };
    } finally {
      claims?.stop();
    }
  }

  /** What needs a namespace or a kind that this run makes can be tried only now; if it is refused that is undone. */
  private async checkLate(late: readonly ManifestDocument[]): Promise<Target[]> {
    try {
      await this.waitForKinds(late);
      return await check(late, this.checks());
    } catch (error) {
      for (const one of this.begun) {
        if (one.target.before === null) {
          await this.deleteOne(one);
        }
      }
      throw error;
    }
  }

  private async waitForKinds(late: readonly ManifestDocument[]): Promise<void> {
    const { api, request, sink } = this.options;
    const wait = [parseCondition('CustomResourceDefinition: condition=Established')];
    const written = this.begun.flatMap((one) => one.written ?? []);
    const failure = await waitFor(written, {
      api,
      request: { ...request, wait, failOn: [] },
      sink,
      signal: this.signal,
    });
    if (failure !== null) {
      throw new RunError('Refused', failure.message);
    }
    // A kind is listed a moment after its definition is established, and lists of kinds cannot be watched.
    const giveUpAt = steadyNow() + KIND_LISTED_MS;
    for (let tries = 1; !this.signal.aborted; tries += 1) {
      this.discovery.forget();
      const found = await Promise.all(late.map(({ apiVersion, kind }) => this.discovery.find(apiVersion, kind)));
      if (!found.includes(null) || steadyNow() > giveUpAt) {
        return;
      }
      await pause(backoffMs(KIND_RETRY, tries, Math.random()), this.signal);
    }
  }

  private async writeAll(targets: readonly Target[]): Promise<void> {
    const { api, request } = this.options;
    for (const target of targets) {
      if (this.signal.aborted) {
        return;
      }
      const entry = { target, written: null as Written | null, fate: 'kept' as ObjectFate };
      this.begun.push(entry);
      const written = await write(target, { api, request, maker: this.maker, patience: this.patience });
      entry.written = written;
      this.tell({ type: 'object', action: written.action, uid: written.uid, ...nameOf(target) });
    }
  }

  /** Last first: what was applied later may need what came earlier. */
  private async deleteAll(targets: readonly Target[]): Promise<Written[]> {
    const found: Written[] = [];
    for (const target of [...targets].reverse()) {
      if (this.signal.aborted) {
        break;
      }
      const { uid = '', resourceVersion = '' } = target.before?.metadata ?? {};
      const written = { target, action: 'unchanged', uid, resourceVersion, object: null } as const;
      const entry = { target, written, fate: 'absent' as ObjectFate };
      this.begun.push(entry);
      if (target.before !== null) {
        await this.remove(target, uid, this.patience);
        entry.fate = 'deleted';
        found.push(written);
      }
      this.tell({ type: 'object', action: entry.fate === 'deleted' ? 'deleted' : 'absent', uid, ...nameOf(target) });
    }
    return found;
  }

  private async cleanUp(outcome: RunOutcome): Promise<void> {
    const { action, onFinish, onKill } = this.options.request;
    const wanted =
      outcome === 'killed'
        ? onKill === 'delete'
        : onFinish === 'delete' || (onFinish === 'delete_succeeded' && outcome === 'succeeded');
    if (action === 'delete' || !wanted) {
      return;
    }
    for (const one of [...this.begun].reverse()) {
      if (one.target.ours) {
        await this.deleteOne(one);
      }
    }
  }

  private async deleteOne(one: ApplyRun['begun'][number]): Promise<void> {
    const { target, written } = one;
    const patience = { patienceMs: CLEANUP_PATIENCE_MS, signal: new AbortController().signal };
    try {
      const uid = written?.uid ?? (await this.uidOfUnanswered(target, patience));
      if (uid !== null) {
        await this.remove(target, uid, patience);
      }
      one.fate = 'deleted';
      this.tell({ type: 'object', action: 'deleted', uid: uid ?? '', ...nameOf(target) });
    } catch (error) {
      const what = describeName(nameOf(target));
      this.tell({ type: 'warning', message: `${what} is left behind: ${(error as Error).message}` });
    }
  }

  /** A write without an answer may have made it. */
  private async uidOfUnanswered(target: Target, patience: Patience): Promise<string | null> {
    const { api } = this.options;
    const there = await patiently('read what was made', patience, () => api.get(target.where, target.document.name));
    return isMadeBy(there, this.maker) ? (there?.metadata?.uid ?? null) : null;
  }

  private async remove(target: Target, uid: string, patience: Patience): Promise<void> {
    const { api, request } = this.options;
    const { propagation } = request;
    await patiently(`delete ${describeName(nameOf(target))}`, patience, () =>
      api.delete(target.where, target.document.name, uid, null, propagation),
    );
  }

  private async hasNamespace(name: string): Promise<boolean> {
    const { api } = this.options;
    return (await patiently(`read namespace ${name}`, this.patience, () => api.get(NAMESPACES, name))) !== null;
  }

  private checks(): CheckOptions {
    const { api, defaultNamespace, request } = this.options;
    const { discovery, maker, patience } = this;
    return { api, discovery, request, namespace: request.namespace ?? defaultNamespace, maker, patience };
  }

  /** Who reads of an error must know what it left behind. */
  private withChanges(error: unknown): unknown {
    const left = this.begun.filter(({ fate, written }) => fate === 'kept' && written?.action !== 'unchanged');
    if (left.length === 0) {
      return error;
    }
    const names = left.map(({ target }) => describeName(nameOf(target))).join(', ');
    const code =
      error instanceof RunError ? error.code : asKubeError(error).failure === 'response' ? 'Refused' : 'Internal';
    return new RunError(code, `${(error as Error).message}; applied before: ${names}`, error);
  }

  private tell(event: ApplyEvent): void {
    this.options.sink.tell(event);
  }
}
