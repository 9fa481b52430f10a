import { Duration } from 'cdk8s';
import { Executor, type MetricsOptions } from '../../constructs/index.js';
import { Metrics } from '../../src/runtime/metrics/metrics.js';
import { type Manifest, Stack } from './stack.js';

const NAME = 'airflow-pod-launcher';
const withMetrics = (metrics: MetricsOptions): Stack => new Stack({ executor: Executor.kubernetes({ metrics }) });
const ALL = { podMonitor: {}, prometheusRule: {}, grafanaDashboard: {} };

interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}
const rulesOf = (manifest: Manifest): Rule[] =>
  (manifest.spec as unknown as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules);
interface Dashboard {
  panels: { title: string; gridPos: object; targets: { refId: string; expr: string }[] }[];
  templating: { list: { name: string }[] };
}
const dashboardOf = (stack: Stack): Dashboard =>
  JSON.parse(stack.get('ConfigMap', `${NAME}-dashboard`).data[`${NAME}.json`] ?? '') as Dashboard;

describe('metrics of the launcher', () => {
  test('need no custom resources unless asked for', () => {
    const kinds = (stack: Stack): string[] => stack.manifests().map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    const plain = kinds(new Stack());
    expect(kinds(withMetrics({}))).toEqual(plain);
    expect(kinds(withMetrics(ALL)).filter((each) => !plain.includes(each))).toEqual([
      `PodMonitor/${NAME}`,
      `PrometheusRule/${NAME}`,
      `ConfigMap/${NAME}-dashboard`,
    ]);
  });

  test('are scraped from the port of the launcher that the scheduler pods have', () => {
    const stack = withMetrics({ podMonitor: { labels: { release: 'prometheus' }, interval: Duration.minutes(1) } });
    const { metadata, spec } = stack.get('PodMonitor', NAME);
    const scheduler = stack.get('Deployment', 'airflow-scheduler').spec.template;
    expect(metadata.labels).toMatchObject({ release: 'prometheus' });
    expect(scheduler.metadata.labels).toMatchObject((spec.selector as { matchLabels: object }).matchLabels);
    expect(spec.podMetricsEndpoints).toEqual([{ port: 'launcher', path: '/metrics', interval: '60s' }]);
    const ports = scheduler.spec.initContainers?.flatMap((each) => each.ports ?? []).map(({ name }) => name);
    expect(ports).toContain('launcher');
  });

  test('change nothing of the pods', () => {
    expect(withMetrics(ALL).pods()).toEqual(new Stack().pods());
  });

  test('are all exported by the launcher, where the dashboard and the alerts use them', () => {
    const stack = withMetrics(ALL);
    const exported = new Metrics('airflow', '0', []).names();
    const text = stack.get('ConfigMap', `${NAME}-dashboard`).data[`${NAME}.json`] ?? '';
    const used = `${text}${JSON.stringify(stack.get('PrometheusRule', NAME))}`.match(/\bpod_launcher_[a-z_]+/g) ?? [];
    expect(used.length).toBeGreaterThan(20);
    const unknown = used.filter(
      (name) => !exported.includes(name) && !exported.includes(name.replace(/_(bucket|count|sum)$/, '')),
    );
    expect(unknown).toEqual([]);
  });

  test('alert with what is wrong and what to do, about this stack alone', () => {
    const rules = rulesOf(withMetrics(ALL).get('PrometheusRule', NAME));
    expect(
      rules.map(({ alert, for: holds, labels }) => `${alert} ${holds} ${labels.severity ?? ''}`),
    ).toMatchSnapshot();
    for (const { expr, annotations } of rules) {
      expect(annotations.summary).toMatch(/^airflow\/airflow: ./);
      expect(annotations.description).toMatch(/\.$/);
      const selectors = expr.match(/pod_launcher_\w+\{[^}]*\}/g) ?? [];
      expect(selectors.length).toBeGreaterThan(0);
      expect(selectors.length).toBe(expr.match(/pod_launcher_\w+/g)?.length);
      for (const selector of selectors) expect(selector).toContain('{namespace="airflow",deployment="airflow"');
    }
  });

  test('have a dashboard that Grafana finds, for the stack by default', () => {
    const stack = withMetrics({ grafanaDashboard: { folder: 'Airflow' } });
    const { metadata } = stack.get('ConfigMap', `${NAME}-dashboard`);
    expect(metadata.labels.grafana_dashboard).toBe('1');
    expect(metadata.annotations).toEqual({ grafana_folder: 'Airflow' });
    const { panels, templating } = dashboardOf(stack);
    expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'namespace', 'deployment']);
    expect(new Set(panels.map(({ gridPos }) => JSON.stringify(gridPos))).size).toBe(panels.length);
    expect(
      panels.map(({ title, targets }) => `${title}: ${targets.map(({ refId }) => refId).join('')}`),
    ).toMatchSnapshot();
  });

  test('are refused with wrong labels and intervals', () => {
    const wrong = { podMonitor: { labels: { 'a b': 'c' }, interval: Duration.millis(10) } };
    expect(withMetrics(wrong).problems()).toEqual([
      expect.stringContaining("'executor.metrics.podMonitor.labels"),
      `chart/airflow: 'executor.metrics.podMonitor.interval' ("10ms") must be at least one second`,
    ]);
  });
});
