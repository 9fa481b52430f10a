import { AirflowApi, type Login } from './airflow-api.js';
import { CliError, EXIT_CODES } from './errors.js';
import type { KubeClient } from './kube/client.js';
import type { KubeObject } from './kube/objects.js';
import { API_COMPONENTS, readyPod } from './kube/pods.js';
import { forwardPort } from './kube/port-forward.js';
import type { Session } from './session.js';

/** Port of `airflow api-server` in its pod. */
export const API_PORT = 8080;

interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * Name and password of the first user, from the Secret that the stack made for it.
 * @throws CliError NOT_FOUND if there is none (the user was given by reference, or not wanted)
 */
export async function firstUserLogin(client: KubeClient, namespace: string, release: string): Promise<Login> {
  const secrets = await client.list<SecretObject>('v1', 'Secret', namespace, `release=${release}`);
  const secret = secrets.find(({ data }) => data?.username !== undefined && data.password !== undefined);
  const { username, password } = secret?.data ?? {};
  if (username === undefined || password === undefined) {
    throw new CliError(
      EXIT_CODES.NOT_FOUND,
      `No Secret of release '${release}' in namespace '${namespace}' holds the first user's username and password; ` +
        'pass --username and --password-file.',
    );
  }
  return { username: decode(username), password: decode(password) };
}

/** Airflow's API through a forwarded port, for as long as `use` runs. */
export async function withAirflow<R>(session: Session, use: (api: AirflowApi) => Promise<R>): Promise<R> {
  const { client, namespace, release } = session;
  const login = await firstUserLogin(client, namespace, release);
  const pod = async () => await readyPod(client, namespace, release, API_COMPONENTS);
  // Told before a connection is refused for a reason that nobody sees.
  await pod();
  const forward = await forwardPort(client, { pod, targetPort: API_PORT });
  try {
    return await use(new AirflowApi(`http://127.0.0.1:${forward.port}`, login));
  } finally {
    await forward.close();
  }
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
