import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { PATHS } from '../../../constructs/contract.js';
import { steadyNow } from '../clock.js';

/** How to reach and convince the API server right now. */
export interface Access {
  readonly server: string;
  /** Certificates and server name for TLS. */
  readonly tls: {
    readonly ca?: string | Buffer;
    readonly cert?: string | Buffer;
    readonly key?: string | Buffer;
    readonly servername?: string;
    readonly rejectUnauthorized?: boolean;
  };
  /** Authorization and the like. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Gives the access data; they rotate, so they are asked for again and again. */
export interface Credentials {
  /** Cheap: reads files again at most once a minute, or when `forget` was called. */
  access(): Promise<Access>;
  /** The API server refused the credentials: read them anew at the next call. */
  forget(): void;
}

const READ_AGAIN_AFTER_MS = 60_000;

/** Credentials from KUBECONFIG, else from the pod's service account, else from the user's own kubeconfig. */
export function defaultCredentials(env: NodeJS.ProcessEnv): Credentials {
  return new KubeConfigCredentials(() => defaultConfig(env));
}

function defaultConfig(env: NodeJS.ProcessEnv): KubeConfig {
  const config = new KubeConfig();
  if (isInCluster(env)) {
    config.loadFromCluster();
  } else {
    config.loadFromDefault();
  }
  return config;
}

/** Is the pod's service account what `defaultCredentials` are? */
export function isInCluster(env: NodeJS.ProcessEnv): boolean {
  const isPod = env.KUBERNETES_SERVICE_HOST !== undefined && existsSync(join(PATHS.SERVICE_ACCOUNT_DIR, 'token'));
  return isPod && (env.KUBECONFIG ?? '') === '';
}

/** A kubeconfig of the pod's service account, for programs that would find another one first. The token may rotate. */
export function serviceAccountCluster(env: NodeJS.ProcessEnv): object {
  const host = env.KUBERNETES_SERVICE_HOST ?? '';
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT ?? '443'}`;
  const folder = PATHS.SERVICE_ACCOUNT_DIR;
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'in-cluster', cluster: { server, 'certificate-authority': join(folder, 'ca.crt') } }],
    users: [{ name: 'in-cluster', user: { tokenFile: join(folder, 'token') } }],
    contexts: [{ name: 'in-cluster', context: { cluster: 'in-cluster', user: 'in-cluster' } }],
    'current-context': 'in-cluster',
  };
}

/** Which cluster, as Airflow's Kubernetes connection and a user's command line say it. At most one source is given. */
export interface ClusterChoice {
  /** Only the pod's service account will do. */
  readonly inCluster?: boolean;
  /** Path of a kubeconfig. */
  readonly configFile?: string;
  /** Text of a kubeconfig, YAML or JSON. */
  readonly config?: string;
  /** A context of the kubeconfig. @default - The current one. */
  readonly context?: string;
}

/** How to reach the cluster of a choice, and the namespace that goes with it; null where nothing says one. */
export interface ChosenCluster {
  readonly credentials: Credentials;
  readonly namespace: string | null;
}

/**
 * The cluster of a choice; without one that of `defaultCredentials`.
 * @throws Error when the sources contradict each other, a file cannot be read, or it lacks the context
 */
export function chooseCluster(choice: ClusterChoice, env: NodeJS.ProcessEnv): ChosenCluster {
  const { inCluster = false, configFile, config: text, context } = choice;
  const sources = [inCluster, configFile !== undefined, text !== undefined].filter(Boolean).length;
  if (sources > 1) {
    throw new Error('only one of in-cluster, a kubeconfig file and the text of a kubeconfig can be given');
  }
  if (sources === 0 && context === undefined) {
    const known = new KubeConfigCredentials(() => defaultConfig(env));
    return { credentials: known, namespace: known.namespace() ?? ownNamespace() };
  }
  const load = (): KubeConfig => {
    const config = new KubeConfig();
    if (inCluster) {
      if (env.KUBERNETES_SERVICE_HOST === undefined) {
        throw new Error('in-cluster access was asked for, and this process does not run in a pod');
      }
      config.loadFromCluster();
    } else if (configFile !== undefined) {
      config.loadFromFile(configFile);
    } else if (text !== undefined) {
      config.loadFromString(text);
    } else {
      config.loadFromDefault();
    }
    if (context !== undefined && !inCluster) {
      const names = config.getContexts().map(({ name }) => name);
      if (!names.includes(context)) {
        throw new Error(`the kubeconfig has no context '${context}'; it has: ${names.join(', ')}`);
      }
      config.setCurrentContext(context);
    }
    return config;
  };
  const known = new KubeConfigCredentials(load);
  return { credentials: known, namespace: known.namespace() ?? (inCluster ? ownNamespace() : null) };
}

/** The namespace this process runs in, from its service account folder; null outside of a pod. */
export function ownNamespace(folder: string = PATHS.SERVICE_ACCOUNT_DIR): string | null {
  try {
    return readFileSync(join(folder, 'namespace'), 'utf8').trim();
  } catch {
    return null;
  }
}

class KubeConfigCredentials implements Credentials {
  private config: KubeConfig | null = null;
  private known: Promise<Access> | null = null;
  private readAt = 0;

  constructor(private readonly load: () => KubeConfig) {}

  /** Of the current context. */
  namespace(): string | null {
    this.config ??= this.load();
    const namespace = this.config.getContextObject(this.config.getCurrentContext())?.namespace ?? '';
    return namespace === '' ? null : namespace;
  }

  access(): Promise<Access> {
    if (this.known === null || steadyNow() - this.readAt > READ_AGAIN_AFTER_MS) {
      this.readAt = steadyNow();
      this.known = this.read().catch((error: unknown) => {
        this.known = null;
        throw error;
      });
    }
    return this.known;
  }

  forget(): void {
    this.config = null;
    this.known = null;
  }

  private async read(): Promise<Access> {
    this.config ??= this.load();
    const cluster = this.config.getCurrentCluster();
    if (cluster === null) {
      throw new Error('no cluster in the kubeconfig: set KUBECONFIG, or run with a service account');
    }
    // client-node resolves files, exec plugins and token files; it fills the options of a node:https request.
    const options: Parameters<KubeConfig['applyToHTTPSOptions']>[0] & { headers: Record<string, string> } = {
      headers: {},
    };
    await this.config.applyToHTTPSOptions(options);
    const { ca, cert, key, servername, rejectUnauthorized } = options as Access['tls'];
    const basic = (options as { auth?: string }).auth;
    return {
      server: cluster.server,
      tls: { ca, cert, key, servername, rejectUnauthorized },
      headers: {
        ...(basic === undefined ? {} : { authorization: `Basic ${Buffer.from(basic).toString('base64')}` }),
        ...lowerCase(options.headers),
      },
    };
  }
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
