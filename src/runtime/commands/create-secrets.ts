import { readFile } from 'node:fs/promises';
import { EXIT_CODES } from '../../../constructs/contract.js';
import { defaultCredentials, ownNamespace } from '../api/credentials.js';
import { asKubeError, isTransient, KubeError } from '../api/errors.js';
import { Http2KubeApi } from '../api/http2-kube-api.js';
import { ConfigError } from '../config/errors.js';
import { backoffMs } from '../launch/backoff.js';
import { createLogger, type Logger } from '../log.js';
import { createMissing } from '../secrets/create-missing.js';
import { parseSecretsSpec, type SecretsSpec } from '../secrets/spec.js';
import { VERSION } from '../version.js';

const RETRY = { baseMs: 500, capMs: 10_000 };
/** A Job that fails is started again by Kubernetes; until then it need not be. */
const GIVE_UP_AFTER_MS = 120_000;

/** Creates the Secrets of a spec file that do not exist yet. @returns the exit code */
export async function createSecrets(file: string, env: NodeJS.ProcessEnv): Promise<number> {
  const log = createLogger(env);
  try {
    const spec = parseSecretsSpec(await readSpec(file), file);
    const namespace = spec.namespace ?? ownNamespace();
    if (namespace === null) {
      const message = 'is null, and there is no service account folder to read it from: name the namespace';
      throw new ConfigError([{ file, field: 'namespace', message }]);
    }
    const created = await persist(spec, namespace, env, log);
    log.info({ namespace, created, total: spec.secrets.length }, 'secrets are there');
    return EXIT_CODES.OK;
  } catch (error) {
    log.error({ err: error }, `secrets cannot be created: ${(error as Error).message}`);
    if (error instanceof ConfigError) {
      return EXIT_CODES.CONFIG;
    }
    return error instanceof KubeError && error.status === 403 ? EXIT_CODES.PERMISSION : EXIT_CODES.ERROR;
  }
}

async function readSpec(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError([{ file, field: '', message: `cannot be read: ${(error as Error).message}` }]);
  }
}

/** Repeats the whole while the API server is away: what exists by then is left alone. */
async function persist(spec: SecretsSpec, namespace: string, env: NodeJS.ProcessEnv, log: Logger): Promise<string[]> {
  const api = new Http2KubeApi(defaultCredentials(env), VERSION);
  const startedAt = Date.now();
  try {
    for (let failures = 1; ; failures += 1) {
      try {
        return await createMissing(api, namespace, spec, log);
      } catch (error) {
        if (error instanceof ConfigError) {
          throw error;
        }
        const failure = asKubeError(error);
        if (!isTransient(failure) || Date.now() - startedAt > GIVE_UP_AFTER_MS) {
          throw failure;
        }
        const waitMs = backoffMs(RETRY, failures, Math.random());
        log.warn({ error: failure.message, waitMs }, 'the API server cannot do it now');
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  } finally {
    api.close();
  }
}
