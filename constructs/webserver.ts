import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import { Component, type ComponentOptions } from './component.js';
import { PORTS } from './contract.js';
import type { Release } from './release.js';
import { Checks } from './validation.js';

/** Options of the webserver. */
export interface WebserverOptions extends ComponentOptions {
  /** @default 1 */
  readonly replicas?: number;
  /** Worker processes per pod (`api.workers`). @default 1 */
  readonly workers?: number;
  /** Where users reach it, e.g. `https://airflow.example.com`. @default - Links are relative; right for port forwarding. */
  readonly baseUrl?: string;
}

/** Props of `Webserver`. */
export interface WebserverProps extends WebserverOptions {
  readonly release: Release;
}

/** `airflow api-server`: the UI, the REST API and the execution API that tasks talk to. */
export class Webserver extends Component {
  /** Name of the Service, port 8080. */
  public readonly serviceName: string;

  public constructor(scope: Construct, id: string, props: WebserverProps) {
    const { release } = props;
    const path = basePath(props.baseUrl);
    const probe = { httpGet: { path: `${path}/api/v2/version`, port: 'api-server' }, timeoutSeconds: 10 };
    super(scope, id, {
      release,
      component: 'api-server',
      kind: 'Deployment',
      spec: {
        replicas: props.replicas ?? 1,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      },
      options: props,
      parts: [release.executor.webserver, release.logs],
      requests: { cpu: '100m', memory: '512Mi' },
      container: {
        name: 'api-server',
        args: ['bash', '-c', 'exec airflow api-server'],
        env: [...release.database.env, release.keys.fernetKey, release.keys.jwtSecret, release.keys.apiSecretKey],
        ports: [{ name: 'api-server', containerPort: PORTS.API_SERVER }],
        startupProbe: { ...probe, periodSeconds: 2, failureThreshold: 150 },
        readinessProbe: { ...probe, periodSeconds: 10 },
        livenessProbe: { ...probe, periodSeconds: 20, failureThreshold: 6 },
      },
    });
    const checks = new Checks(this);
    checks.integer('replicas', props.replicas, 1);
    checks.integer('workers', props.workers, 1);
    if (props.baseUrl !== undefined && !/^https?:\/\/[^/?#]+(\/[^?#]*)?$/.test(props.baseUrl)) {
      checks.report('baseUrl', props.baseUrl, 'must be an http or https URL, such as https://airflow.example.com');
    }

    this.serviceName = this.name;
    new ApiObject(this, 'Service', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: this.serviceName, labels: release.objectLabels('api-server') },
      spec: {
        selector: release.selector('api-server'),
        ports: [{ name: 'api-server', port: PORTS.API_SERVER, targetPort: 'api-server' }],
      },
    });
    const { config, namespace } = release;
    // The short name does not resolve in the other namespaces that tasks run in.
    const host = release.namespaces.length > 1 ? `${this.serviceName}.${namespace}` : this.serviceName;
    config.setDefault('core', 'execution_api_server_url', `http://${host}:${PORTS.API_SERVER}${path}/execution/`);
    if (props.workers !== undefined) config.set('api', 'workers', String(props.workers));
    if (props.baseUrl !== undefined) config.set('api', 'base_url', props.baseUrl);
  }
}

/** Path of a URL without a trailing slash. */
function basePath(url: string | undefined): string {
  return (/^https?:\/\/[^/]+(\/.*)$/.exec(url ?? '')?.[1] ?? '').replace(/\/+$/, '');
}
