import { compact, type DataMap } from '../expression.js';
import { isPlainMap, type Values } from '../values.js';
import { componentOptions } from './components.js';
import type { Mapping, Stack } from './mapping.js';

/** The server of UI and API: `apiServer`, with Airflow 2 `webserver`; and its Ingress. */
export const server: Mapping = (values, stack) => {
  const section = values.at(stack.server);
  const other = stack.isAirflow2 ? 'apiServer' : 'webserver';
  for (const key of values.keys(other).filter((each) => each !== 'defaultUser'))
    values.leave(`${other}.${key}`, `is of Airflow ${stack.isAirflow2 ? 3 : 2}; here the server is '${stack.server}'`);
  const { options, statements } = componentOptions(section, 'webserver');
  const scaling = autoscaling(section);
  const baseUrl = values.text(stack.isAirflow2 ? 'config.webserver.base_url' : 'config.api.base_url');
  const workers = values.number(stack.isAirflow2 ? 'config.webserver.workers' : 'config.api.workers');
  const webserver = compact({
    ...options,
    replicas: scaling === undefined ? options.replicas : undefined,
    workers,
    baseUrl,
    ingress: ingress(values, stack, baseUrl),
    autoscaling: scaling,
  });
  return { props: { webserver }, statements };
};

function autoscaling(section: Values): DataMap | undefined {
  const hpa = section.at('hpa');
  if (hpa.flag('enabled') !== true) return undefined;
  hpa.leave('behavior', "how fast it scales is the cluster's default");
  const metrics = hpa.list('metrics') ?? [];
  const cpu = metrics.map(cpuUtilization).find((each) => each !== undefined);
  if (metrics.length > 1 || (metrics.length === 1 && cpu === undefined))
    hpa.remark('metrics', 'only the use of CPU is offered');
  return {
    minReplicas: hpa.number('minReplicaCount') ?? 1,
    maxReplicas: hpa.number('maxReplicaCount') ?? 5,
    cpuPercent: cpu ?? 50,
  };
}

function cpuUtilization(metric: unknown): number | undefined {
  if (!isPlainMap(metric) || !isPlainMap(metric.resource) || metric.resource.name !== 'cpu') return undefined;
  const { target } = metric.resource;
  return isPlainMap(target) && typeof target.averageUtilization === 'number' ? target.averageUtilization : undefined;
}

function ingress(values: Values, stack: Stack, baseUrl: string | undefined): DataMap | undefined {
  const section = values.at(stack.isAirflow2 || !values.has('ingress.apiServer') ? 'ingress.web' : 'ingress.apiServer');
  const enabled = section.flag('enabled') ?? values.flag('ingress.enabled');
  if (enabled !== true) return undefined;
  const hosts = hostsOf(section);
  const names = hosts.map(({ name }) => name);
  if (names.length === 0 && baseUrl === undefined) {
    section.remark('hosts', "an Ingress of the library has a host: give 'hosts' of webserver.ingress, or a base URL");
    return undefined;
  }
  const whole = section.flag('tls.enabled') === true ? section.text('tls.secretName') : undefined;
  const secrets = [...new Set(hosts.flatMap(({ secret }) => secret ?? []))];
  if (secrets.length > 1) section.remark('hosts', `one TLS Secret serves all hosts: '${secrets[0] ?? ''}' is taken`);
  const path = section.text('path');
  return {
    hosts: names.length > 0 ? names : undefined,
    path: path === undefined || path === '/' ? undefined : path,
    className: section.text('ingressClassName'),
    tlsSecretName: secrets[0] ?? whole,
    annotations: section.texts('annotations'),
  };
}

/** A host is a name, or a map with its name and its TLS. */
function hostsOf(section: Values): { name: string; secret?: string }[] {
  const old = section.text('host');
  const listed = (section.list('hosts') ?? []).flatMap((host) => {
    if (typeof host === 'string') return [{ name: host }];
    if (!isPlainMap(host) || typeof host.name !== 'string') {
      section.refuse('hosts', "must hold names, or objects with a 'name'");
      return [];
    }
    const tls = isPlainMap(host.tls) && host.tls.enabled === true ? host.tls.secretName : undefined;
    return [{ name: host.name, ...(typeof tls === 'string' && tls !== '' && { secret: tls }) }];
  });
  return listed.length > 0 || old === undefined ? listed : [{ name: old }];
}
