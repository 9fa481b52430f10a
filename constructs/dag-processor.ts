import type { Construct } from 'constructs';
import { Component } from './component.js';
import type { ComponentOptions } from './component-options.js';
import type { Release } from './release.js';
import { heartbeatProbe } from './scripts.js';
import { Checks } from './validation.js';

/** Options of the DAG processor. */
export interface DagProcessorOptions extends ComponentOptions {
  /** @default 1 */
  readonly replicas?: number;
}

/** Props of `DagProcessor`. */
export interface DagProcessorProps extends DagProcessorOptions {
  readonly release: Release;
}

/** `airflow dag-processor`: parses the DAGs; the only component of the control plane that runs code of users. */
export class DagProcessor extends Component {
  public constructor(scope: Construct, id: string, props: DagProcessorProps) {
    const { release } = props;
    super(scope, id, {
      release,
      component: 'dag-processor',
      kind: 'Deployment',
      spec: { replicas: props.replicas ?? 1 },
      options: props,
      replicas: props.replicas,
      parts: [release.dags.processor, release.logs],
      requests: { cpu: '100m', memory: '384Mi' },
      terminationGracePeriodSeconds: 60,
      container: {
        name: 'dag-processor',
        args: ['bash', '-c', 'exec airflow dag-processor'],
        env: [...release.database.env, release.keys.fernetKey],
        livenessProbe: heartbeatProbe('DagProcessorJob'),
      },
    });
    new Checks(this).integer('replicas', props.replicas, 1);
  }
}
