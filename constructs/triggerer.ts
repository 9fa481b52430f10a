import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import { Component } from './component.js';
import type { ComponentOptions } from './component-options.js';
import type { Release } from './release.js';
import { heartbeatProbe } from './scripts.js';
import { Checks } from './validation.js';

/** Options of the triggerer. */
export interface TriggererOptions extends ComponentOptions {
  /** @default 1 */
  readonly replicas?: number;
  /** Triggers at once per replica (`triggerer.capacity`). @default 1000 - As Airflow. */
  readonly capacity?: number;
}

/** Props of `Triggerer`. */
export interface TriggererProps extends TriggererOptions {
  readonly release: Release;
}

/** Port on which the triggerer serves its logs to the webserver. */
const LOG_PORT = 8794;

/** `airflow triggerer`: waits on behalf of deferred tasks. A StatefulSet, so that the webserver can reach each pod by name. */
export class Triggerer extends Component {
  public constructor(scope: Construct, id: string, props: TriggererProps) {
    const { release } = props;
    const component = 'triggerer';
    const name = `${release.name}-${component}`;
    super(scope, id, {
      release,
      component,
      kind: 'StatefulSet',
      spec: { replicas: props.replicas ?? 1, serviceName: name, podManagementPolicy: 'Parallel' },
      options: props,
      replicas: props.replicas,
      parts: [release.dags.reader, release.logs],
      requests: { cpu: '50m', memory: '384Mi' },
      terminationGracePeriodSeconds: 60,
      container: {
        name: component,
        args: ['bash', '-c', 'exec airflow triggerer'],
        env: [...release.database.env, release.keys.fernetKey, release.keys.apiSecretKey],
        livenessProbe: heartbeatProbe('TriggererJob'),
        ports: [{ name: 'triggerer-logs', containerPort: LOG_PORT }],
      },
    });
    const checks = new Checks(this);
    checks.integer('replicas', props.replicas, 1);
    checks.integer('capacity', props.capacity, 1);
    if (props.capacity !== undefined) release.config.set('triggerer', 'capacity', String(props.capacity));
    new ApiObject(this, 'Service', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, labels: release.objectLabels(component) },
      spec: {
        clusterIP: 'None',
        // A log may be wanted before the pod is ready.
        publishNotReadyAddresses: true,
        selector: release.selector(component),
        ports: [{ name: 'triggerer-logs', port: LOG_PORT, targetPort: 'triggerer-logs' }],
      },
    });
  }
}
