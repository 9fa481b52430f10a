import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import { autoscaling, type AutoscalingOptions } from './autoscaling.js';
import { Component } from './component.js';
import type { ComponentOptions } from './component-options.js';
import { PORTS } from './contract.js';
import { httpRoute, type HttpRouteOptions, ingress, type IngressOptions } from './ingress.js';
import type { Release } from './release.js';
import { Checks } from './validation.js';

/** Options of the webserver. */
export interface WebserverOptions extends ComponentOptions {
  /** @default 1 */
  readonly replicas?: number;
  /** Worker processes per pod (`api.workers`, with Airflow 2 `webserver.workers`). @default 1 */
  readonly workers?: number;
  /** Where users reach it, e.g. `https://airflow.example.com`. @default - Links are relative; right for port forwarding. */
  readonly baseUrl?: string;
  /** @default - None: reached by port forwarding, or an Ingress of your own. */
  readonly ingress?: IngressOptions;
  /** @default - None. */
  readonly httpRoute?: HttpRouteOptions;
  /** In place of `replicas`. @default - None. */
  readonly autoscaling?: AutoscalingOptions;
}

/** Props of `Webserver`. */
export interface WebserverProps extends WebserverOptions {
  readonly release: Release;
}

/** What differs between the server of Airflow 3 and that of Airflow 2, in the names of the official chart. */
const SERVERS = {
  'api-server': { command: 'airflow api-server', health: '/api/v2/version', port: 'api-server', section: 'api' },
  webserver: { command: 'airflow webserver', health: '/health', port: 'airflow-ui', section: 'webserver' },
} as const;

/**
 * `airflow api-server`: the UI, the REST API and the execution API that tasks talk to. With Airflow 2, `airflow
 * webserver`: the UI and the REST API.
 */
export class Webserver extends Component {
  /** Name of the Service, port 8080. */
  public readonly serviceName: string;

  public constructor(scope: Construct, id: string, props: WebserverProps) {
    const { release } = props;
    const path = basePath(props.baseUrl);
    const component = release.webComponent;
    const server = SERVERS[release.isAirflow2 ? 'webserver' : 'api-server'];
    const probe = { httpGet: { path: `${path}${server.health}`, port: server.port }, timeoutSeconds: 10 };
    super(scope, id, {
      release,
      component,
      kind: 'Deployment',
      spec: {
        // An autoscaler would fight with every apply about them.
        replicas: props.autoscaling === undefined ? (props.replicas ?? 1) : undefined,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      },
      options: props,
      replicas: props.autoscaling?.minReplicas ?? props.replicas,
      parts: [release.executor.webserver, release.logs],
      requests: { cpu: '100m', memory: '512Mi' },
      container: {
        name: component,
        args: ['bash', '-c', `exec ${server.command}`],
        env: [...release.database.env, release.keys.fernetKey, ...release.keys.jwtSecret, release.keys.apiSecretKey],
        ports: [{ name: server.port, containerPort: PORTS.API_SERVER }],
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
      metadata: { name: this.serviceName, labels: release.objectLabels(component) },
      spec: {
        selector: release.selector(component),
        ports: [{ name: server.port, port: PORTS.API_SERVER, targetPort: server.port }],
      },
    });
    this.publish(props, component);
    if (props.autoscaling) {
      if (props.replicas !== undefined)
        checks.report('replicas', props.replicas, "must be left out: 'autoscaling' says how many");
      autoscaling(this, { release, component, kind: 'Deployment', name: this.name }, props.autoscaling, checks);
    }
    const { config, namespace } = release;
    if (props.workers !== undefined) config.set(server.section, 'workers', String(props.workers));
    if (props.baseUrl !== undefined) config.set(server.section, 'base_url', props.baseUrl);
    if (release.isAirflow2) return;
    // The short name does not resolve in the other namespaces that tasks run in.
    const host = release.namespaces.length > 1 ? `${this.serviceName}.${namespace}` : this.serviceName;
    config.setDefault('core', 'execution_api_server_url', `http://${host}:${PORTS.API_SERVER}${path}/execution/`);
  }

  private publish({ release, baseUrl, ...props }: WebserverProps, component: string): void {
    const to = {
      ...{ release, component, serviceName: this.serviceName, port: PORTS.API_SERVER },
      ...{ host: hostOf(baseUrl), path: basePath(baseUrl) },
    };
    if (props.ingress) ingress(this, to, props.ingress, new Checks(this, 'ingress.'));
    if (props.httpRoute) httpRoute(this, to, props.httpRoute, new Checks(this, 'httpRoute.'));
  }
}

/** Host name of a URL, without its port. */
function hostOf(url: string | undefined): string | undefined {
  return /^https?:\/\/([^/:?#]+)/.exec(url ?? '')?.[1];
}

/** Path of a URL without a trailing slash. */
function basePath(url: string | undefined): string {
  return (/^https?:\/\/[^/]+(\/.*)$/.exec(url ?? '')?.[1] ?? '').replace(/\/+$/, '');
}
