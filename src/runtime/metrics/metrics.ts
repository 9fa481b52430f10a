import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { RequestObserver } from '../api/request-observer.js';
import type { TerminalKind } from '../launch/record.js';
import type { CreateOutcome, LaunchCounts } from './launch-meter.js';
import { ProcessMetrics } from './process-metrics.js';
import { REASON_LABELS, reasonLabel } from './reasons.js';
import type { LauncherState } from './state.js';

const PREFIX = 'pod_launcher_';
/** Seconds: from one answer of the API server to the longest wait that people put up with. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const LAUNCH_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];

/** All that the launcher shows to Prometheus. Counting is cheap: one step in a map for each. */
export class Metrics implements LaunchCounts {
  private readonly registry = new Registry();
  private readonly process = new ProcessMetrics(this.registry);

  private readonly launches = this.gauge(
    'launches',
    'Launches by stage. queued, creating: of this launcher; the others: of the deployment, alike at each of its launchers',
    ['stage'],
  );
  private readonly unacknowledged = this.gauge(
    'unacknowledged_events',
    'Events that the executor has not acknowledged yet',
  );
  private readonly connected = this.gauge('connected', '1 while a scheduler is connected');
  private readonly synced = this.gauge('synced', '1 when the pods of all namespaces have been listed');
  private readonly inFlight = this.gauge('creates_in_flight', 'Creates under way');
  private readonly inFlightLimit = this.gauge('creates_in_flight_limit', 'Creates that may be under way at once now');
  private readonly throttled = this.gauge(
    'throttled',
    '1 while launches of the namespace wait for its quota or because the API server asked for it',
    ['task_namespace'],
  );
  private readonly standbyPods = this.gauge('standby_pods', 'Standby pods of this launcher by state', ['state']);
  private readonly watchAge = this.gauge(
    'watch_age_seconds',
    'Time since the API server was last heard on the pod watch',
    ['task_namespace'],
  );

  private readonly acceptedTotal = this.counter('launches_accepted_total', 'Launches that the executor asked for');
  private readonly creates = this.counter(
    'creates_total',
    'Tries to get a pod for a launch by how they ended: created, standby, repeated, refused, vanished',
    ['outcome'],
  );
  private readonly ends = this.counter(
    'launches_ended_total',
    'Launches that ended, by kind: succeeded, failed, lost, create_failed',
    ['kind'],
  );
  private readonly failures = this.counter('failures_total', 'Launches that ended other than well, by reason', [
    'reason',
  ]);
  private readonly throttles = this.counter(
    'throttles_total',
    'Times that creates were held back by a quota or by the API server',
    ['task_namespace'],
  );
  private readonly lists = this.counter(
    'pod_lists_total',
    'Whole lists of pods; more than one for each start: the watch had a gap',
    ['task_namespace'],
  );
  private readonly requests = this.counter(
    'api_requests_total',
    'Requests to the API server by verb and class of the status; none: no answer',
    ['verb', 'code'],
  );

  private readonly requestSeconds = this.histogram(
    'api_request_duration_seconds',
    'Time of requests to the API server but watches',
    REQUEST_BUCKETS,
    ['verb'],
  );
  private readonly createdSeconds = this.histogram(
    'launch_to_created_seconds',
    'From a launch accepted to its pod in the API server',
    LAUNCH_BUCKETS,
  );
  private readonly startedSeconds = this.histogram(
    'created_to_running_seconds',
    'From a pod in the API server to the pod running',
    LAUNCH_BUCKETS,
  );
  private readonly settledSeconds = this.histogram(
    'ended_to_settled_seconds',
    'From the end of a pod seen to Airflow having settled the task and the pod deleted, or labelled where it is kept',
    LAUNCH_BUCKETS,
  );

  /**
   * @param deployment value of the label `deployment` of every time series
   * @param namespaces of the launch policy
   */
  constructor(deployment: string, version: string, namespaces: readonly string[]) {
    this.registry.setDefaultLabels({ deployment });
    this.gauge('build_info', 'Always 1; the version of the launcher', ['version']).set({ version }, 1);
    // Rates of what first happens hours later need the zero before it.
    for (const outcome of ['created', 'standby', 'repeated', 'refused', 'vanished'] as const) {
      this.creates.inc({ outcome }, 0);
    }
    for (const kind of ['succeeded', 'failed', 'lost', 'create_failed']) {
      this.ends.inc({ kind }, 0);
    }
    for (const reason of REASON_LABELS) {
      this.failures.inc({ reason }, 0);
    }
    for (const namespace of namespaces) {
      this.throttles.inc({ task_namespace: namespace }, 0);
    }
  }

  accepted(): void {
    this.acceptedTotal.inc();
  }

  tried(outcome: CreateOutcome): void {
    this.creates.inc({ outcome });
  }

  created(ms: number): void {
    this.createdSeconds.observe(ms / 1000);
  }

  started(ms: number): void {
    this.startedSeconds.observe(ms / 1000);
  }

  ended(kind: TerminalKind, reason: string | null): void {
    this.ends.inc({ kind: kind.toLowerCase() });
    if (kind !== 'SUCCEEDED') {
      this.failures.inc({ reason: reasonLabel(reason) });
    }
  }

  settled(ms: number): void {
    this.settledSeconds.observe(ms / 1000);
  }

  throttle(namespace: string): void {
    this.throttles.inc({ task_namespace: namespace });
  }

  listed(namespace: string): void {
    this.lists.inc({ task_namespace: namespace });
  }

  readonly requested: RequestObserver = (verb, status, ms) => {
    this.requests.inc({ verb, code: statusClass(status) });
    if (verb !== 'watch') {
      this.requestSeconds.observe({ verb }, ms / 1000);
    }
  };

  /** Content type of what `render` gives. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** Names of all metrics, without the suffixes of a histogram's series. */
  names(): string[] {
    return this.registry.getMetricsAsArray().map(({ name }) => name);
  }

  /** Everything in Prometheus' text format. */
  render(state: LauncherState): Promise<string> {
    for (const [stage, count] of Object.entries(state.stages)) {
      this.launches.set({ stage }, count);
    }
    this.unacknowledged.set(state.unacknowledged);
    this.connected.set(Number(state.connected));
    this.synced.set(Number(state.synced));
    this.inFlight.set(state.creates.inFlight);
    this.inFlightLimit.set(state.creates.limit);
    this.standbyPods.set({ state: 'ready' }, state.standby.ready);
    this.standbyPods.set({ state: 'starting' }, state.standby.starting);
    for (const [namespace, throttled] of Object.entries(state.throttled)) {
      this.throttled.set({ task_namespace: namespace }, Number(throttled));
    }
    for (const [namespace, age] of Object.entries(state.watchAges)) {
      if (age !== null) {
        this.watchAge.set({ task_namespace: namespace }, age);
      }
    }
    this.process.refresh();
    return this.registry.metrics();
  }

  private gauge<Label extends string = never>(name: string, help: string, labelNames: Label[] = []): Gauge<Label> {
    return new Gauge({ name: PREFIX + name, help, labelNames, registers: [this.registry] });
  }

  private counter<Label extends string = never>(name: string, help: string, labelNames: Label[] = []): Counter<Label> {
    return new Counter({ name: PREFIX + name, help, labelNames, registers: [this.registry] });
  }

  private histogram<Label extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: Label[] = [],
  ): Histogram<Label> {
    return new Histogram({ name: PREFIX + name, help, buckets, labelNames, registers: [this.registry] });
  }
}

/** `2xx`, `4xx`, …; 429 for itself, because it asks for less; `none` without an answer. */
function statusClass(status: number): string {
  return status === 429 ? '429' : status === 0 ? 'none' : `${Math.floor(status / 100)}xx`;
}
