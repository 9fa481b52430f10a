import { join } from 'node:path';
import type { Access } from '../api/credentials.js';
import { ConfigError } from '../config/errors.js';
import type { PodManifest } from '../pods/merge.js';
import type { SparkSettings } from './settings.js';
import { submitArguments } from './submit-arguments.js';

/** One call of spark-submit: its arguments, and the files that they name. */
export interface Submission {
  readonly args: readonly string[];
  /** By path. */
  readonly files: Readonly<Record<string, string | Buffer>>;
}

export interface SubmissionOptions {
  readonly settings: SparkSettings;
  /** The driver's pod, name and namespace included: the template that spark-submit adds its own to. */
  readonly pod: PodManifest;
  readonly name: string;
  readonly namespace: string;
  readonly container: string;
  readonly access: Access;
  /** Where the files will be. */
  readonly folder: string;
}

const AUTHENTICATE = 'spark.kubernetes.authenticate.submission';
const BEARER = 'Bearer ';

/**
 * How spark-submit is to create a driver in `cluster` mode; pure. Credentials are files, never arguments.
 * @throws ConfigError when spark-submit cannot use the cluster's credentials
 */
export function submission(options: SubmissionOptions): Submission {
  const { access, container, folder, name, namespace, pod, settings } = options;
  const files: Record<string, string | Buffer> = {};
  const keep = (file: string, content: string | Buffer): string => {
    const path = join(folder, file);
    files[path] = content;
    return path;
  };
  const { executorTemplate } = settings;
  const own: Record<string, string> = {
    'spark.kubernetes.namespace': namespace,
    'spark.kubernetes.container.image': settings.conf['spark.kubernetes.container.image'] ?? settings.image,
    'spark.kubernetes.driver.pod.name': name,
    'spark.kubernetes.driver.podTemplateFile': keep('driver.json', JSON.stringify(pod)),
    'spark.kubernetes.driver.podTemplateContainerName': container,
    // The launcher follows the driver.
    'spark.kubernetes.submission.waitAppCompletion': 'false',
    ...(executorTemplate === null
      ? {}
      : { 'spark.kubernetes.executor.podTemplateFile': keep('executor.json', JSON.stringify(executorTemplate)) }),
    ...credentials(access, keep),
  };
  const master = ['--master', `k8s://${access.server}`, '--deploy-mode', 'cluster'];
  return { args: [...master, ...submitArguments(settings, { ...settings.conf, ...own })], files };
}

function credentials(
  { headers, tls }: Access,
  keep: (file: string, content: string | Buffer) => string,
): Record<string, string> {
  const { authorization = '' } = headers;
  if (authorization !== '' && !authorization.startsWith(BEARER)) {
    const message = 'has a user name and a password, which spark-submit does not take: use a token or a certificate';
    throw new ConfigError([{ file: 'request', field: 'cluster', message }]);
  }
  return {
    ...(tls.ca === undefined ? {} : { [`${AUTHENTICATE}.caCertFile`]: keep('ca.crt', tls.ca) }),
    ...(tls.cert === undefined ? {} : { [`${AUTHENTICATE}.clientCertFile`]: keep('client.crt', tls.cert) }),
    ...(tls.key === undefined ? {} : { [`${AUTHENTICATE}.clientKeyFile`]: keep('client.key', tls.key) }),
    ...(authorization === ''
      ? {}
      : { [`${AUTHENTICATE}.oauthTokenFile`]: keep('token', authorization.slice(BEARER.length)) }),
    ...(tls.rejectUnauthorized === false ? { 'spark.kubernetes.trust.certificates': 'true' } : {}),
  };
}
