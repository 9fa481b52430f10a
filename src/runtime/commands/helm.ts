import { EXIT_CODES } from '../../../constructs/contract.js';
import type { HelmEvent } from '../helm/events.js';
import { runHelm } from '../helm/helm-run.js';
import { type HelmRequest, parseHelmRequest } from '../helm/request.js';
import { runForProgram, withCluster } from './driver.js';

const CODES = {
  succeeded: EXIT_CODES.OK,
  failed: EXIT_CODES.POD_FAILED,
  killed: EXIT_CODES.KILLED,
  detached: EXIT_CODES.DETACHED,
} as const;

/** Runs the real helm for an operator. @returns the exit code */
export function helm(attached: boolean, env: NodeJS.ProcessEnv): Promise<number> {
  return runForProgram<HelmRequest, HelmEvent>({
    attached,
    parse: parseHelmRequest,
    run: (request, sink, stops) =>
      withCluster(request.cluster, env, async (_api, defaultNamespace) => {
        const { signal: kill } = stops.kill;
        const { signal: detach } = stops.detach;
        return CODES[await runHelm({ request, defaultNamespace, env, sink, kill, detach })];
      }),
  });
}
