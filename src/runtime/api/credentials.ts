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
  return new KubeConfigCredentials(() => {
    const config = new KubeConfig();
    const inCluster = env.KUBERNETES_SERVICE_HOST !== undefined && existsSync(join(PATHS.SERVICE_ACCOUNT_DIR, 'token'));
    if ((env.KUBECONFIG ?? '') === '' && inCluster) {
      config.loadFromCluster();
    } else {
      config.loadFromDefault();
    }
    return config;
  });
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
