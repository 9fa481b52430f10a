import type { KubeApi } from '../api/kube-api.js';
import { ConfigError } from '../config/errors.js';
import type { Logger } from '../log.js';
import { generate, references, renderTemplate, type SecretSpec, type SecretsSpec } from './spec.js';

/** The part of the API that this needs. */
export type SecretsApi = Pick<KubeApi, 'createSecret' | 'readSecret'>;

type Values = Readonly<Record<string, string>>;

/**
 * Creates the Secrets that do not exist, in order. One that exists is never changed; its values are read only when a
 * later one is made of them.
 * @returns the names of those that were created
 */
export async function createMissing(
  api: SecretsApi,
  namespace: string,
  spec: SecretsSpec,
  log: Logger,
): Promise<string[]> {
  const known = new Map<string, Values>();
  const created: string[] = [];
  for (const secret of spec.secrets) {
    await readReferences(api, namespace, secret, known);
    const data = render(secret, known);
    if (await api.createSecret(namespace, secret.name, secret.labels, data)) {
      known.set(secret.name, data);
      created.push(secret.name);
      log.info({ namespace, secret: secret.name }, 'secret created');
    } else {
      log.info({ namespace, secret: secret.name }, 'secret exists, left as it is');
    }
  }
  return created;
}

/** Values of Secrets that existed already; what was created in this run is known without asking. */
async function readReferences(
  api: SecretsApi,
  namespace: string,
  secret: SecretSpec,
  known: Map<string, Values>,
): Promise<void> {
  for (const { secret: other } of references(secret)) {
    if (!known.has(other)) {
      known.set(other, (await api.readSecret(namespace, other)) ?? {});
    }
  }
}

function render(secret: SecretSpec, known: ReadonlyMap<string, Values>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(secret.data).map(([key, value]) => [
      key,
      'generate' in value
        ? generate(value.generate)
        : renderTemplate(value.template, (other, otherKey) => {
            const found = known.get(other)?.[otherKey];
            if (found === undefined) {
              const message = `needs '${otherKey}' of Secret '${other}', which has no such key: add it there`;
              throw new ConfigError([{ file: 'spec', field: `${secret.name}.${key}`, message }]);
            }
            return found;
          }),
    ]),
  );
}
