import { asKubeError, isTransient } from './api/errors.js';
import type { KubeApi } from './api/kube-api.js';
import { backoffMs } from './launch/backoff.js';
import type { Logger } from './log.js';

/** What the launcher does to pods, and nothing else: `get` reads back a create that met its own name. */
export const POD_VERBS = ['create', 'delete', 'get', 'list', 'patch', 'watch'] as const;

const RETRY = { baseMs: 500, capMs: 10_000 };

/** A right is missing. */
export class PermissionError extends Error {
  override readonly name = 'PermissionError';
  constructor(readonly missing: readonly string[]) {
    super(
      `the service account may not: ${missing.join('; ')}. ` +
        'Apply the Role and RoleBinding of the stack in each namespace of the launch policy',
    );
  }
}

/**
 * Asks the API server whether all rights are there, and waits for it while it is away.
 * @throws PermissionError naming every verb and namespace that is missing
 */
export async function checkPermissions(
  api: KubeApi,
  namespaces: readonly string[],
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      const missing = await missingRights(api, namespaces);
      if (missing.length > 0) {
        throw new PermissionError(missing);
      }
      return;
    } catch (error) {
      if (error instanceof PermissionError) {
        throw error;
      }
      const failure = asKubeError(error);
      if (!isTransient(failure)) {
        throw failure;
      }
      const waitMs = backoffMs(RETRY, failures, Math.random());
      log.warn({ error: failure.message, waitMs }, 'the API server does not answer yet');
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}

async function missingRights(api: KubeApi, namespaces: readonly string[]): Promise<string[]> {
  const questions = namespaces.flatMap((namespace) => POD_VERBS.map((verb) => ({ namespace, resource: 'pods', verb })));
  const answers = await Promise.all(questions.map(async (question) => ((await api.mayI(question)) ? null : question)));
  return answers
    .filter((question) => question !== null)
    .map(({ verb, namespace }) => `${verb} pods in namespace '${namespace}'`);
}
