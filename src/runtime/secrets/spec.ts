import { randomBytes, randomInt } from 'node:crypto';
import { z } from 'zod';
import { ConfigError } from '../config/errors.js';

const name = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, 'must be a Secret name');
const key = z.string().regex(/^[-._a-zA-Z0-9]+$/, 'must be a key of a Secret');

const value = z.union([
  z.strictObject({ generate: z.enum(['fernet', 'hex', 'password']) }),
  z.strictObject({ template: z.string() }),
]);

const secretsSpec = z.object({
  /** null: the namespace of the service account. */
  namespace: z.string().nullable().default(null),
  secrets: z.array(
    z.object({
      name,
      labels: z.record(z.string(), z.string()).default({}),
      data: z.record(key, value),
    }),
  ),
});

/** What `create-secrets` is to make: Secrets in order, each value generated or made of values of earlier ones. */
export type SecretsSpec = z.infer<typeof secretsSpec>;
export type SecretSpec = SecretsSpec['secrets'][number];
export type Generator = 'fernet' | 'hex' | 'password';

const REFERENCE = /\$\{([^/}]+)\/([^}]+)\}/g;

/**
 * Reads the text of a spec file.
 * @throws ConfigError with every problem
 */
export function parseSecretsSpec(text: string, file: string): SecretsSpec {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw new ConfigError([{ file, field: '', message: `is not JSON: ${(error as Error).message}` }]);
  }
  const parsed = secretsSpec.safeParse(raw);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => ({ file, field: path.join('.'), message }));
    throw new ConfigError(problems);
  }
  const early = parsed.data.secrets.flatMap((secret, position) => {
    const earlier = new Set(parsed.data.secrets.slice(0, position).map((one) => one.name));
    return references(secret)
      .filter((reference) => !earlier.has(reference.secret))
      .map(({ secret: other }) => ({
        file,
        field: `secrets.${position}`,
        message: `refers to '${other}', which is not listed before '${secret.name}'`,
      }));
  });
  if (early.length > 0) {
    throw new ConfigError(early);
  }
  return parsed.data;
}

/** The values of other Secrets that this one is made of. */
export function references(secret: SecretSpec): { readonly secret: string; readonly key: string }[] {
  return Object.values(secret.data).flatMap((one) =>
    'template' in one
      ? [...one.template.matchAll(REFERENCE)].map(([, other = '', otherKey = '']) => ({ secret: other, key: otherKey }))
      : [],
  );
}

/** The text of a template; values of other Secrets are percent-encoded, as in the parts of a URL. */
export function renderTemplate(template: string, lookUp: (secret: string, key: string) => string): string {
  return template.replace(REFERENCE, (_, secret: string, key: string) =>
    encodeURIComponent(lookUp(secret, key)).replace(
      /[!'()*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    ),
  );
}

const PASSWORD_LENGTH = 24;
const PASSWORD_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A new random value. `fernet`: a key for Airflow's Fernet; `hex`: 64 characters; `password`: 24 letters and digits. */
export function generate(kind: Generator): string {
  switch (kind) {
    case 'fernet':
      // Fernet wants the padding that Node's base64url leaves out.
      return `${randomBytes(32).toString('base64url')}=`;
    case 'hex':
      return randomBytes(32).toString('hex');
    case 'password':
      return Array.from({ length: PASSWORD_LENGTH }, () =>
        PASSWORD_CHARACTERS.charAt(randomInt(PASSWORD_CHARACTERS.length)),
      ).join('');
  }
}
