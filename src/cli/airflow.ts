import { AirflowApi, API_V1, API_V2, type ApiVersion, type Login } from './airflow-api.js';
import { CliError, EXIT_CODES } from './errors.js';
import type { KubeClient } from './kube/client.js';
import type { KubeObject, Pod } from './kube/objects.js';
import { API_COMPONENTS, readyPod } from './kube/pods.js';
import { forwardPort } from './kube/port-forward.js';
import type { Session } from './session.js';

/** Port of `airflow api-server` in its pod. */
export const API_PORT = 8080;

interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
}

interface FirstUserJob extends KubeObject {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly env?: EnvVar[] }[] } };
  };
}

/**
 * Name and password of the first user: the Job that made it says both, the password by reference to its Secret.
 * @throws CliError NOT_FOUND if the stack has no such Job or the Secret is gone
 */
export async function firstUserLogin(client: KubeClient, namespace: string, release: string): Promise<Login> {
  const selector = `release=${release},component=create-user`;
  const jobs = await client.list<FirstUserJob>('batch/v1', 'Job', namespace, selector);
  const age = ({ metadata }: KubeObject): string => metadata.creationTimestamp ?? '';
  const newest = jobs.sort((a, b) => age(a).localeCompare(age(b))).at(-1);
  const env = newest?.spec.template.spec.containers.flatMap((container) => container.env ?? []) ?? [];
  const username = env.find(({ name }) => name === 'FIRST_USER')?.value;
  const reference = env.find(({ name }) => name === 'FIRST_USER_PASSWORD')?.valueFrom?.secretKeyRef;
  if (username === undefined || reference === undefined) {
    throw new CliError(
      EXIT_CODES.NOT_FOUND,
      `Release '${release}' in namespace '${namespace}' has no Job that made its first user, so there is no login.`,
    );
  }
  const secret = await client.find<SecretObject>('v1', 'Secret', namespace, reference.name);
  const password = secret?.data?.[reference.key];
  if (password === undefined) {
    throw new CliError(
      EXIT_CODES.NOT_FOUND,
      `The password of user '${username}' is not there: Secret '${reference.name}', key '${reference.key}'.`,
    );
  }
  return { username, password: Buffer.from(password, 'base64').toString('utf8') };
}

/** Which API the pod that serves it has: in Airflow 2 its component is the webserver. */
export function apiVersionOf({ metadata }: Pod): ApiVersion {
  return metadata.labels?.component === 'webserver' ? API_V1 : API_V2;
}

/** Airflow's API through a forwarded port, for as long as `use` runs. */
export async function withAirflow<R>(session: Session, use: (api: AirflowApi) => Promise<R>): Promise<R> {
  const { client, namespace, release } = session;
  const login = await firstUserLogin(client, namespace, release);
  const pod = async () => await readyPod(client, namespace, release, API_COMPONENTS);
  // Told before a connection is refused for a reason that nobody sees.
  const version = apiVersionOf(await pod());
  const forward = await forwardPort(client, { pod, targetPort: API_PORT });
  try {
    return await use(new AirflowApi(`http://127.0.0.1:${forward.port}`, login, version));
  } finally {
    await forward.close();
  }
}
