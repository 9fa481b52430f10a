/** A rule of Prometheus that alerts. */
export interface AlertRule {
  readonly alert: string;
  /** PromQL; the alert is up for each time series that it gives. */
  readonly expr: string;
  /** So long it must hold. */
  readonly for: string;
  readonly labels: { [key: string]: string };
  readonly annotations: { [key: string]: string };
}

/** The alert rules of one stack's launchers; docs/launcher.md says of each what to do. */
export function launcherAlerts(namespace: string, deployment: string): AlertRule[] {
  const of = (metric: string, more = ''): string =>
    `pod_launcher_${metric}{namespace="${namespace}",deployment="${deployment}"${more}}`;
  const rule = (
    alert: string,
    severity: string,
    expr: string,
    holds: string,
    summary: string,
    description: string,
  ): AlertRule => ({
    alert: `PodLauncher${alert}`,
    expr,
    for: holds,
    labels: { severity },
    annotations: { summary: `${namespace}/${deployment}: ${summary}`, description },
  });
  return [
    rule(
      'Away',
      'critical',
      `absent(${of('connected')})`,
      '5m',
      'no pod launcher is scraped',
      'No task gets a pod while no scheduler pod runs. Look at the scheduler pods and the log of their container ' +
        'pod-launcher; exit code 2 means configuration, 3 missing rights. If they run, Prometheus does not reach port 8795.',
    ),
    rule(
      'Disconnected',
      'critical',
      `max(${of('connected')}) == 0`,
      '5m',
      'no scheduler is connected to its pod launcher',
      'The launcher runs and the scheduler does not talk to it, so nothing is launched. Look at the log of the ' +
        'container scheduler for its crash, and for errors of the executor about the socket.',
    ),
    rule(
      'WatchStalled',
      'critical',
      `max by (pod, task_namespace) (${of('watch_age_seconds')}) > 105`,
      '1m',
      'the launcher in {{ $labels.pod }} does not see the pods of namespace {{ $labels.task_namespace }}',
      'The API server was not heard for longer than a watch may be silent. Check the API server, the network to it, ' +
        "and the launcher's log for refusals. Nothing is lost; it goes on by itself.",
    ),
    rule(
      'LaunchesWaitLong',
      'warning',
      `min_over_time(sum(${of('launches', ',stage="queued"')})[10m:]) > 0 and ` +
        `sum(increase(${of('creates_total', ',outcome=~"created|standby"')}[10m])) == 0`,
      '1m',
      'launches wait and no pod was created for 10 minutes',
      'Compare with maxPods and maxPendingPods, look at throttling and at pods that stay Pending, then at the ' +
        "launcher's log for creates that are repeated.",
    ),
    rule(
      'FailureRate',
      'warning',
      `sum(increase(${of('launches_ended_total', ',kind!="succeeded"')}[15m])) > 5 and ` +
        `sum(increase(${of('launches_ended_total', ',kind!="succeeded"')}[15m])) / ` +
        `sum(increase(${of('launches_ended_total')}[15m])) > 0.2`,
      '5m',
      'more than a fifth of the pods of tasks fail',
      'Look at the failures by reason: OOMKilled wants memory, ErrImagePull and ImagePullBackOff the image or its ' +
        'credentials, Evicted and NodeLost the nodes, Forbidden and Invalid the pod template; Error is the task itself.',
    ),
    rule(
      'ThrottledLong',
      'warning',
      `max by (task_namespace) (${of('throttled')}) == 1`,
      '15m',
      'launches into namespace {{ $labels.task_namespace }} have waited for room for 15 minutes',
      'The quota of the namespace is used up, or the API server asks for fewer requests (429). Raise the quota or ' +
        'lower maxPods to what fits in it; with 429s look at the load of the API server.',
    ),
    rule(
      'EventsUnacknowledged',
      'warning',
      `min_over_time(sum(${of('unacknowledged_events')})[15m:]) > 100`,
      '1m',
      'the scheduler does not take in what became of pods',
      "The scheduler's loop is slow or stuck: look at its CPU, at the database, and at its log. Finished pods stay " +
        'until it goes on; nothing is lost.',
    ),
  ];
}
