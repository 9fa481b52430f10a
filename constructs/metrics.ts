import { ApiObject, Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { launcherAlerts } from './launcher-alerts.js';
import { launcherDashboard } from './launcher-dashboard.js';
import type { Release } from './release.js';
import type { Checks } from './validation.js';

/** A PodMonitor of the Prometheus operator, which must be in the cluster. */
export interface PodMonitorOptions {
  /** What the operator selects its PodMonitors by, such as `release: prometheus`. @default - Those of the stack. */
  readonly labels?: { [key: string]: string };
  /** Time between two scrapes. @default - Prometheus' own. */
  readonly interval?: Duration;
}

/** A PrometheusRule of the Prometheus operator, which must be in the cluster. */
export interface PrometheusRuleOptions {
  /** What the operator selects its rules by, such as `release: prometheus`. @default - Those of the stack. */
  readonly labels?: { [key: string]: string };
}

/** A ConfigMap that Grafana's sidecar loads as a dashboard. */
export interface GrafanaDashboardOptions {
  /** What the sidecar selects by. @default - `grafana_dashboard: '1'`, as Grafana's chart. */
  readonly labels?: { [key: string]: string };
  /** Folder in Grafana, by the annotation `grafana_folder`. @default - Grafana's own. */
  readonly folder?: string;
}

/** Objects that watch the launcher. Each is made only when it is given, if only as `{}`. */
export interface MetricsOptions {
  /** @default - None; the launcher serves `/metrics` on port 8795 all the same. */
  readonly podMonitor?: PodMonitorOptions;
  /** @default - None. */
  readonly prometheusRule?: PrometheusRuleOptions;
  /** @default - None. */
  readonly grafanaDashboard?: GrafanaDashboardOptions;
}

const MONITORING = 'monitoring.coreos.com/v1';

/** Makes the objects that are asked for. */
export function metricsObjects(
  scope: Construct,
  release: Release,
  checks: Checks,
  { podMonitor, prometheusRule, grafanaDashboard }: MetricsOptions,
): void {
  const name = `${release.name}-pod-launcher`;
  const labels = release.objectLabels('pod-launcher');
  checks.labels('metrics.podMonitor.labels', podMonitor?.labels);
  checks.labels('metrics.prometheusRule.labels', prometheusRule?.labels);
  checks.labels('metrics.grafanaDashboard.labels', grafanaDashboard?.labels);
  if (podMonitor !== undefined) {
    const { interval } = podMonitor;
    if (interval !== undefined && interval.toMilliseconds() < 1000)
      checks.report('metrics.podMonitor.interval', `${interval.toMilliseconds()}ms`, 'must be at least one second');
    new ApiObject(scope, 'pod-monitor', {
      apiVersion: MONITORING,
      kind: 'PodMonitor',
      metadata: { name, labels: { ...labels, ...podMonitor.labels } },
      spec: {
        selector: { matchLabels: release.selector('scheduler') },
        podMetricsEndpoints: [
          {
            port: 'launcher',
            path: '/metrics',
            ...(interval === undefined ? {} : { interval: `${Math.ceil(interval.toMilliseconds() / 1000)}s` }),
          },
        ],
      },
    });
  }
  if (prometheusRule !== undefined) {
    new ApiObject(scope, 'prometheus-rule', {
      apiVersion: MONITORING,
      kind: 'PrometheusRule',
      metadata: { name, labels: { ...labels, ...prometheusRule.labels } },
      spec: { groups: [{ name, rules: launcherAlerts(release.namespace, release.name) }] },
    });
  }
  if (grafanaDashboard !== undefined) {
    const { folder } = grafanaDashboard;
    new ApiObject(scope, 'grafana-dashboard', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: `${name}-dashboard`,
        labels: { ...labels, ...(grafanaDashboard.labels ?? { grafana_dashboard: '1' }) },
        ...(folder === undefined ? {} : { annotations: { grafana_folder: folder } }),
      },
      data: { [`${name}.json`]: `${JSON.stringify(launcherDashboard(release.namespace, release.name), null, 2)}\n` },
    });
  }
}
