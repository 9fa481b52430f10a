import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Release } from './release.js';
import type { Checks } from './validation.js';

/** An Ingress in front of a Service; a controller of its class must be in the cluster. */
export interface IngressOptions {
  /** Host names. @default - That of the base URL. */
  readonly hosts?: string[];
  /** Path prefix. @default - The path of the base URL, else `/`. */
  readonly path?: string;
  /** @default - The cluster's default class. */
  readonly className?: string;
  /** Secret with `tls.crt` and `tls.key` for all hosts. @default - None: the controller's own certificate, or plain http. */
  readonly tlsSecretName?: string;
  /** What the controller is told. @default - None. */
  readonly annotations?: { [key: string]: string };
}

/** An HTTPRoute of the Gateway API, whose definitions must be in the cluster. */
export interface HttpRouteOptions {
  /** Name of the Gateway. */
  readonly gateway: string;
  /** Namespace of the Gateway. @default - That of the stack. */
  readonly gatewayNamespace?: string;
  /** Listener of the Gateway. @default - All that allow it. */
  readonly sectionName?: string;
  /** @default - That of the base URL. */
  readonly hosts?: string[];
  /** Path prefix. @default - The path of the base URL, else `/`. */
  readonly path?: string;
  /** @default - None. */
  readonly annotations?: { [key: string]: string };
}

/** What is published, and under which URL by default. */
export interface Published {
  readonly release: Release;
  readonly component: string;
  readonly serviceName: string;
  readonly port: number;
  /** @default - None is known. */
  readonly host?: string;
  /** Without a trailing slash. */
  readonly path: string;
}

/** Makes the Ingress `<release>-ingress`, as the official chart names it. */
export function ingress(scope: Construct, to: Published, options: IngressOptions, checks: Checks): ApiObject {
  const hosts = checkHosts(checks, options.hosts, to.host);
  checks.absolutePath('path', options.path);
  checks.dnsName('className', options.className);
  checks.dnsName('tlsSecretName', options.tlsSecretName);
  const paths = [
    {
      path: options.path ?? rooted(to.path),
      pathType: 'Prefix',
      backend: { service: { name: to.serviceName, port: { number: to.port } } },
    },
  ];
  const { tlsSecretName: secretName } = options;
  return new ApiObject(scope, 'ingress', {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name: `${to.release.name}-ingress`,
      labels: to.release.objectLabels(to.component),
      annotations: options.annotations,
    },
    spec: {
      ingressClassName: options.className,
      rules: hosts.map((host) => ({ host, http: { paths } })),
      tls: secretName === undefined ? undefined : [{ hosts, secretName }],
    },
  });
}

/** Makes the HTTPRoute `<release>-api-server`, or as the component is called. */
export function httpRoute(scope: Construct, to: Published, options: HttpRouteOptions, checks: Checks): ApiObject {
  const hostnames = checkHosts(checks, options.hosts, to.host);
  checks.absolutePath('path', options.path);
  checks.notEmpty('gateway', options.gateway, 'the name of a Gateway');
  checks.dnsName('gateway', options.gateway);
  checks.dnsLabel('gatewayNamespace', options.gatewayNamespace);
  return new ApiObject(scope, 'http-route', {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: {
      name: to.serviceName,
      labels: to.release.objectLabels(to.component),
      annotations: options.annotations,
    },
    spec: {
      parentRefs: [{ name: options.gateway, namespace: options.gatewayNamespace, sectionName: options.sectionName }],
      hostnames,
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: options.path ?? rooted(to.path) } }],
          backendRefs: [{ name: to.serviceName, port: to.port }],
        },
      ],
    },
  });
}

function rooted(path: string): string {
  return path === '' ? '/' : path;
}

function checkHosts(checks: Checks, hosts: string[] | undefined, fallback: string | undefined): string[] {
  const found = hosts ?? (fallback === undefined ? [] : [fallback]);
  if (found.length === 0)
    checks.report('hosts', hosts, "must name at least one, or 'baseUrl' of the webserver must be given");
  for (const host of found) {
    if (!/^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(host))
      checks.report('hosts', host, 'must be host names without scheme, port and path, such as airflow.example.com');
  }
  return found;
}
