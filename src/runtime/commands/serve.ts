import { hostname } from 'node:os';
import { ENV, EXIT_CODES, LABELS, PATHS, PORTS } from '../../../constructs/contract.js';
import { defaultCredentials } from '../api/credentials.js';
import { Http2KubeApi } from '../api/http2-kube-api.js';
import { ConfigFolder } from '../config/config-folder.js';
import { ConfigError } from '../config/errors.js';
import { HealthServer } from '../health.js';
import { Launcher } from '../launcher.js';
import { LinkServer } from '../link/server.js';
import { createLogger, type Logger } from '../log.js';
import { Metrics } from '../metrics/metrics.js';
import type { LauncherState } from '../metrics/state.js';
import { checkPermissions, PermissionError } from '../permissions.js';
import { PodInformer } from '../pods/informer.js';
import { ownerName } from '../standby/pod.js';
import { VERSION } from '../version.js';
import { type WatchHealth, watchHealth } from '../watch-health.js';

export interface ServeOptions {
  readonly socket: string;
  readonly configDir: string;
  readonly healthPort: number;
  /** A pod watch on which nothing comes for so long counts as dead. */
  readonly watchSilenceMs: number;
}

/** The API server sends a bookmark about every minute. */
const DEFAULT_WATCH_SILENCE_S = 75;

/** Options of `serve` from the environment, where the command line does not give them. */
export function serveOptions(given: Partial<ServeOptions>, env: NodeJS.ProcessEnv): ServeOptions {
  return {
    socket: given.socket ?? env[ENV.SOCKET] ?? PATHS.SOCKET,
    configDir: given.configDir ?? env[ENV.CONFIG_DIR] ?? PATHS.LAUNCH_CONFIG_DIR,
    healthPort: given.healthPort ?? PORTS.LAUNCHER_HEALTH,
    watchSilenceMs: given.watchSilenceMs ?? Number(env[ENV.WATCH_SILENCE] ?? DEFAULT_WATCH_SILENCE_S) * 1000,
  };
}

/** Kubernetes waits 30 s by default before it kills: creates under way must be answered well within that. */
const STOP_WITHIN_MS = 10_000;

/** Runs the launcher until SIGTERM or SIGINT. @returns the exit code */
export async function serve(options: ServeOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const log = createLogger(env);
  try {
    return await run(options, env, log);
  } catch (error) {
    if (error instanceof ConfigError) {
      log.error({ problems: error.problems }, `configuration is wrong: ${error.message}`);
      return EXIT_CODES.CONFIG;
    }
    if (error instanceof PermissionError) {
      log.error({ missing: error.missing }, error.message);
      return EXIT_CODES.PERMISSION;
    }
    log.error({ err: error }, `cannot go on: ${(error as Error).message}`);
    return EXIT_CODES.ERROR;
  }
}

async function run(options: ServeOptions, env: NodeJS.ProcessEnv, log: Logger): Promise<number> {
  const config = await ConfigFolder.open(options.configDir, log);
  const { deployment, namespaces } = config.current().policy;
  const expected = env[ENV.DEPLOYMENT];
  if (expected !== undefined && expected !== deployment) {
    const message = `(${deployment}) is not what ${ENV.DEPLOYMENT} says (${expected})`;
    throw new ConfigError([{ file: PATHS.LAUNCH_POLICY_FILE, field: 'deployment', message }]);
  }

  if (!(options.watchSilenceMs > 0)) {
    throw new ConfigError([
      { file: 'environment', field: ENV.WATCH_SILENCE, message: `(${env[ENV.WATCH_SILENCE] ?? ''}) must be seconds` },
    ]);
  }

  const metrics = new Metrics(deployment, VERSION, namespaces);
  const api = new Http2KubeApi(defaultCredentials(env), VERSION, metrics.requested);
  // In a pod: the pod's name.
  const owner = ownerName(env.HOSTNAME ?? hostname());
  const launcher = new Launcher({ api, config: () => config.current(), version: VERSION, log, metrics, owner });
  const link = new LinkServer(options.socket, deployment, launcher.session, log);
  const selector = `${LABELS.DEPLOYMENT}=${deployment}`;
  const { pods } = launcher;
  const { watchSilenceMs } = options;
  const informers = namespaces.map(
    (namespace) => new PodInformer({ api, namespace, selector, handler: pods, log, silenceMs: watchSilenceMs }),
  );
  const watches = (): WatchHealth => {
    const heardAt = informers.map((informer) => informer.lastHeardAt());
    return watchHealth(heardAt, Date.now(), watchSilenceMs);
  };
  const state = (): LauncherState => {
    const ages = informers.map((informer) => [informer.namespace, informer.secondsSinceHeard()]);
    return { ...launcher.state(), watchAges: Object.fromEntries(ages) as LauncherState['watchAges'] };
  };
  const health = new HealthServer({
    ready: () => link.listening() && launcher.synced() && !watches().watchStalled,
    status: () => ({
      ...launcher.status(),
      version: VERSION,
      bootId: launcher.bootId,
      ...watches(),
    }),
    metrics: async () => ({ contentType: metrics.contentType, body: await metrics.render(state()) }),
  });

  const stopping = new AbortController();
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        stopping.abort();
        resolve(signal);
      });
    }
  });
  const healthPort = await health.listen(options.healthPort);
  await checkPermissions(api, namespaces, log, stopping.signal);
  await link.listen();
  config.follow();
  launcher.start();
  const watching = informers.map((informer) => informer.run());
  log.info({ version: VERSION, deployment, namespaces, socket: options.socket, healthPort }, 'launcher is up');

  const signal = await stopped;
  log.info({ signal }, 'stopping: pods live on');
  link.close();
  await launcher.stop(STOP_WITHIN_MS);
  for (const informer of informers) {
    informer.stop();
  }
  await Promise.all(watching);
  config.close();
  health.close();
  api.close();
  return EXIT_CODES.OK;
}
