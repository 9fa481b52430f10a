import type { Construct } from 'constructs';
import { Component } from './component.js';
import type { ComponentOptions } from './component-options.js';
import { PORTS } from './contract.js';
import type { EnvVar } from './pod.js';
import type { Release } from './release.js';
import { Checks } from './validation.js';

/** Options of the scheduler. */
export interface SchedulerOptions extends ComponentOptions {
  /** @default 1 */
  readonly replicas?: number;
}

/** Props of `Scheduler`. */
export interface SchedulerProps extends SchedulerOptions {
  readonly release: Release;
}

/** `airflow scheduler`, and beside it the launcher when tasks run in pods. */
export class Scheduler extends Component {
  public constructor(scope: Construct, id: string, props: SchedulerProps) {
    const { release } = props;
    const { runsInScheduler } = release.executor;
    const dags = release.parsesInScheduler ? [release.dags.processor] : runsInScheduler ? [release.dags.reader] : [];
    const probe = { httpGet: { path: '/health', port: 'health' }, timeoutSeconds: 5 };
    super(scope, id, {
      release,
      component: 'scheduler',
      kind: 'Deployment',
      spec: {
        replicas: props.replicas ?? 1,
        // The new one is ready before the old one goes; two may run at once.
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      },
      options: props,
      replicas: props.replicas,
      parts: [release.executor.scheduler, ...dags, release.logs],
      requests: { cpu: '100m', memory: dags.length > 0 ? '768Mi' : '384Mi' },
      container: {
        name: 'scheduler',
        args: ['bash', '-c', 'exec airflow scheduler'],
        env: [
          ...release.database.env,
          release.keys.fernetKey,
          ...release.keys.jwtSecret,
          ...parallelism(release),
          // The webserver fetches the logs of local tasks from port 8793, by the address that is stored with the task.
          ...(runsInScheduler
            ? [
                release.keys.apiSecretKey,
                { name: 'AIRFLOW__CORE__HOSTNAME_CALLABLE', value: 'airflow.utils.net.get_host_ip_address' },
              ]
            : []),
        ],
        ports: [
          { name: 'health', containerPort: PORTS.SCHEDULER_HEALTH },
          ...(runsInScheduler ? [{ name: 'worker-logs', containerPort: 8793 }] : []),
        ],
        startupProbe: { ...probe, periodSeconds: 2, failureThreshold: 150 },
        readinessProbe: { ...probe, periodSeconds: 10, failureThreshold: 3 },
        // A database that is away for a minute or two is no reason to restart.
        livenessProbe: { ...probe, periodSeconds: 15, failureThreshold: 12 },
      },
    });
    new Checks(this).integer('replicas', props.replicas, 1);
  }
}

/** Not in airflow.cfg: all components would restart when it changes. */
function parallelism(release: Release): EnvVar[] {
  const value = release.executor.parallelism;
  if (value === undefined || release.config.get('core', 'parallelism') !== '') return [];
  return [{ name: 'AIRFLOW__CORE__PARALLELISM', value: String(value) }];
}
