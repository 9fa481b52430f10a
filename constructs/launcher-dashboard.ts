/** Grafana's model of one query. */
interface Query {
  readonly expr: string;
  readonly legend: string;
}

interface PanelShape {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly queries: readonly Query[];
}

const COLUMNS = 2;
const WIDTH = 24 / COLUMNS;
const HEIGHT = 8;
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
/** What all queries select by; the variables begin with the stack that the dashboard was made for. */
const OF = 'namespace="$namespace",deployment="$deployment"';

function metric(name: string, more = ''): string {
  return `pod_launcher_${name}{${OF}${more === '' ? '' : `,${more}`}}`;
}

function rate(name: string, by: string): string {
  return `sum by (${by}) (rate(${metric(name)}[$__rate_interval]))`;
}

/** Half of them, nearly all, and the slowest. */
function quantiles(histogram: string, what: string): Query[] {
  return [0.5, 0.95, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (le) (rate(${metric(`${histogram}_bucket`)}[$__rate_interval])))`,
    legend: `${what} p${quantile * 100}`,
  }));
}

const PANELS: readonly PanelShape[] = [
  {
    title: 'Launches by stage',
    description: 'Queued and creating are summed over launchers; every launcher sees the pods of all of them.',
    unit: 'short',
    queries: [
      { expr: `sum by (stage) (${metric('launches', 'stage=~"queued|creating"')})`, legend: '{{stage}}' },
      { expr: `max by (stage) (${metric('launches', 'stage!~"queued|creating"')})`, legend: '{{stage}}' },
    ],
  },
  {
    title: 'Throughput',
    description: 'Launches that arrive, get their pod, end, and are settled.',
    unit: 'ops',
    queries: [
      { expr: `sum(rate(${metric('launches_accepted_total')}[$__rate_interval]))`, legend: 'accepted' },
      { expr: rate('creates_total', 'outcome'), legend: '{{outcome}}' },
      { expr: rate('launches_ended_total', 'kind'), legend: '{{kind}}' },
      { expr: `sum(rate(${metric('ended_to_settled_seconds_count')}[$__rate_interval]))`, legend: 'settled' },
    ],
  },
  {
    title: 'Accepted to created',
    description: 'High while maxPods, the pace of the nodes or a quota makes launches wait.',
    unit: 's',
    queries: quantiles('launch_to_created_seconds', 'created'),
  },
  {
    title: 'Created to running',
    description: 'Scheduling, pulling the image, starting containers.',
    unit: 's',
    queries: quantiles('created_to_running_seconds', 'running'),
  },
  {
    title: 'Ended to settled',
    description: "The scheduler's loop, then one request that deletes or labels the pod.",
    unit: 's',
    queries: quantiles('ended_to_settled_seconds', 'settled'),
  },
  {
    title: 'Failures by reason',
    description: 'Launches that ended other than well.',
    unit: 'short',
    queries: [
      { expr: `sum by (reason) (increase(${metric('failures_total')}[$__rate_interval]))`, legend: '{{reason}}' },
    ],
  },
  {
    title: 'Requests to the API server',
    description: 'By verb and class of the status.',
    unit: 'reqps',
    queries: [{ expr: rate('api_requests_total', 'verb, code'), legend: '{{verb}} {{code}}' }],
  },
  {
    title: 'Time of requests, p95',
    description: 'By verb, but watches.',
    unit: 's',
    queries: [
      {
        expr: `histogram_quantile(0.95, sum by (le, verb) (rate(${metric('api_request_duration_seconds_bucket')}[$__rate_interval])))`,
        legend: '{{verb}}',
      },
    ],
  },
  {
    title: 'Creates under way',
    description: 'The limit falls when the API server has too much to do.',
    unit: 'short',
    queries: [
      { expr: `sum by (pod) (${metric('creates_in_flight')})`, legend: '{{pod}}' },
      { expr: `sum by (pod) (${metric('creates_in_flight_limit')})`, legend: '{{pod}} limit' },
    ],
  },
  {
    title: 'Throttling',
    description: 'Namespaces whose launches wait for room, and how often that began.',
    unit: 'short',
    queries: [
      { expr: `max by (task_namespace) (${metric('throttled')})`, legend: '{{task_namespace}} now' },
      {
        expr: `sum by (task_namespace) (increase(${metric('throttles_total')}[$__rate_interval]))`,
        legend: '{{task_namespace}} times',
      },
    ],
  },
  {
    title: 'Watch age and lists',
    description: 'Above 105 s a watch is stalled. A list after the start closes a gap of the watch.',
    unit: 's',
    queries: [
      { expr: `max by (pod, task_namespace) (${metric('watch_age_seconds')})`, legend: '{{pod}} {{task_namespace}}' },
      {
        expr: `sum by (pod, task_namespace) (increase(${metric('pod_lists_total')}[$__rate_interval]))`,
        legend: '{{pod}} {{task_namespace}} lists',
      },
    ],
  },
  {
    title: 'Launchers',
    description: 'Connected and synced are 1 when all is well; events wait while the scheduler is busy.',
    unit: 'short',
    queries: [
      { expr: `max by (pod) (${metric('connected')})`, legend: '{{pod}} connected' },
      { expr: `max by (pod) (${metric('synced')})`, legend: '{{pod}} synced' },
      { expr: `max by (pod) (${metric('unacknowledged_events')})`, legend: '{{pod}} unacknowledged' },
      { expr: `sum by (pod, state) (${metric('standby_pods')})`, legend: '{{pod}} standby {{state}}' },
    ],
  },
];

/** Grafana's JSON of the launchers' dashboard; it opens with this stack, and its variables show any other. */
export function launcherDashboard(namespace: string, deployment: string): object {
  const variable = (name: string, query: string, value: string): object => ({
    name,
    type: 'query',
    datasource: DATASOURCE,
    query: { query, refId: name },
    current: { text: value, value },
    refresh: 2,
  });
  return {
    title: `Pod launcher ${namespace}/${deployment}`,
    tags: ['airflow', 'pod-launcher'],
    schemaVersion: 39,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus' },
        variable('namespace', 'label_values(pod_launcher_connected, namespace)', namespace),
        variable('deployment', 'label_values(pod_launcher_connected{namespace="$namespace"}, deployment)', deployment),
      ],
    },
    panels: PANELS.map(panel),
  };
}

function panel({ title, description, unit, queries }: PanelShape, index: number): object {
  return {
    id: index + 1,
    type: 'timeseries',
    title,
    description,
    datasource: DATASOURCE,
    gridPos: { x: (index % COLUMNS) * WIDTH, y: Math.floor(index / COLUMNS) * HEIGHT, w: WIDTH, h: HEIGHT },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: queries.map(({ expr, legend }, at) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + at),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
    })),
  };
}
