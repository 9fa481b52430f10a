import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventSink, RunOutcome } from '../run/events.js';
import { operationArguments, placeArguments, recoveryArguments } from './arguments.js';
import type { HelmEvent } from './events.js';
import { Helm, type HelmExit, type Release } from './helm.js';
import { helmKubeconfig } from './kubeconfig.js';
import type { HelmRequest } from './request.js';

export interface HelmRunOptions {
  readonly request: HelmRequest;
  /** Where the request says none. */
  readonly defaultNamespace: string;
  readonly env: NodeJS.ProcessEnv;
  readonly sink: EventSink<HelmEvent>;
  /** helm is told to end: it writes down that the operation failed. */
  readonly kill: AbortSignal;
  /** As `kill`: what nobody looks after must not be in the way of the next try. */
  readonly detach: AbortSignal;
}

/**
 * Does one operation of helm's.
 * @returns how it ended; `detached` when nobody listens any more
 * @throws ConfigError when there is no helm
 */
export async function runHelm(options: HelmRunOptions): Promise<RunOutcome | 'detached'> {
  const { defaultNamespace, detach, env, kill, request, sink } = options;
  const folder = mkdtempSync(join(tmpdir(), 'pod-launcher-helm-'));
  const signal = AbortSignal.any([kill, detach]);
  try {
    const namespace = request.namespace ?? defaultNamespace;
    const kubeconfig = helmKubeconfig(request.cluster, env, folder);
    const context = request.cluster.context ?? null;
    const place = placeArguments({ namespace, kubeconfig, context });
    // Without a home helm would put its cache of kinds into the current folder, and a home may be read-only.
    const own = { KUBECACHEDIR: join(folder, 'kinds'), HELM_COLOR: 'never' };
    const helm = new Helm(request.helm, place, { ...own, ...env, ...request.env });
    const major = await helm.majorVersion();
    const tell = (line: string): void => {
      sink.tell({ type: 'log', container: 'helm', time: new Date().toISOString(), line });
    };
    const begins = request.action === 'install' || request.action === 'upgrade';
    const recovered = begins && request.recover ? await recover(helm, request, tell, options, signal) : null;
    const exit =
      recovered ?? (await helm.follow(operationArguments(request, major, valueFiles(request, folder)), tell, signal));
    if (detach.aborted && !kill.aborted) {
      return 'detached';
    }
    // However it ended: a run that was told to end has not succeeded.
    const outcome = kill.aborted ? 'killed' : exit.code === 0 ? 'succeeded' : 'failed';
    const release = await releaseAfter(helm, request, sink);
    sink.tell({
      type: 'ended',
      outcome,
      exitCode: exit.code,
      message: outcome === 'succeeded' ? null : describeFailure(exit, kill.aborted),
      release: request.release,
      namespace,
      revision: release?.revision ?? null,
      status: release?.status ?? 'uninstalled',
    });
    return outcome;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns how it ended if it did not end well; null: the release is at rest */
async function recover(
  helm: Helm,
  request: HelmRequest,
  tell: (line: string) => void,
  { sink }: HelmRunOptions,
  signal: AbortSignal,
): Promise<HelmExit | null> {
  const { release } = request;
  const found = await helm.release(release);
  const args = found === null ? null : recoveryArguments(found.status, request, release);
  if (args === null || signal.aborted) {
    return null;
  }
  const message = `release ${release} was left in state ${found?.status ?? ''}: helm ${args.slice(0, 2).join(' ')} first`;
  sink.tell({ type: 'warning', message });
  const exit = await helm.follow(args, tell, signal);
  return exit.code === 0 ? null : exit;
}

function valueFiles({ values }: HelmRequest, folder: string): string[] {
  return values.map((one, position) => {
    if ('file' in one) {
      return one.file;
    }
    const file = join(folder, `values-${position}.yaml`);
    // JSON is YAML. Values may be secret.
    writeFileSync(file, JSON.stringify(one.values), { mode: 0o600 });
    return file;
  });
}

async function releaseAfter(helm: Helm, { release }: HelmRequest, sink: EventSink<HelmEvent>): Promise<Release | null> {
  try {
    return await helm.release(release);
  } catch (error) {
    sink.tell({ type: 'warning', message: (error as Error).message });
    return { revision: 0, status: 'unknown' };
  }
}

function describeFailure({ code, errors }: HelmExit, killed: boolean): string {
  if (killed) {
    return 'helm was told to end';
  }
  const said = errors.filter((line) => line.startsWith('Error: ')).at(-1) ?? errors.at(-1);
  return said?.replace(/^Error: /, '') ?? `helm ended with exit code ${String(code)}`;
}
