import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { CliError, EXIT_CODES } from '../errors.js';

/** Context name of the cluster that `up` makes. */
export const LOCAL_CONTEXT = 'cdk8s-airflow-local';

/** What of the process's environment decides which cluster is meant. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Folder where the local cluster keeps its state. */
export function localStateDir(env: Environment): string {
  const state = nonEmpty(env.XDG_STATE_HOME) ?? join(home(env), '.local', 'state');
  return join(state, 'cdk8s-airflow', 'cluster');
}

/** Kubeconfig of the local cluster; it exists while the cluster does. */
export function localKubeconfig(env: Environment): string {
  return join(localStateDir(env), 'kubeconfig');
}

/**
 * The configuration of the one cluster that was named: the context, or without one the local cluster.
 * A kubeconfig's current context is never taken: it may point anywhere.
 * @throws CliError CLUSTER if none was named or the context does not exist
 */
export function connect(context: string | undefined, env: Environment): KubeConfig {
  const local = localKubeconfig(env);
  if (context === undefined || (context === LOCAL_CONTEXT && existsSync(local))) {
    if (!existsSync(local)) {
      const known = userConfig(env)
        .getContexts()
        .map((entry) => entry.name);
      throw new CliError(
        EXIT_CODES.CLUSTER,
        'No cluster is named, and the local one is not running. Pass --context NAME' +
          (known.length > 0 ? ` (there are: ${known.join(', ')})` : '') +
          ', or start the local cluster with "cdk8s-airflow up".',
      );
    }
    const config = new KubeConfig();
    config.loadFromFile(local);
    config.setCurrentContext(LOCAL_CONTEXT);
    if (config.getCurrentCluster() === null) {
      throw new CliError(EXIT_CODES.CLUSTER, `${local} has no context ${LOCAL_CONTEXT}; start the cluster anew.`);
    }
    return config;
  }
  const config = userConfig(env);
  const known = config.getContexts().map((entry) => entry.name);
  if (!known.includes(context)) {
    throw new CliError(
      EXIT_CODES.CLUSTER,
      `There is no context '${context}' in ${kubeconfigFiles(env).join(', ')}` +
        (known.length > 0 ? `; there are: ${known.join(', ')}.` : '.'),
    );
  }
  config.setCurrentContext(context);
  return config;
}

/** KUBECONFIG or ~/.kube/config, merged as kubectl does; empty if there is none. */
function userConfig(env: Environment): KubeConfig {
  const [first, ...rest] = kubeconfigFiles(env).filter((file) => existsSync(file));
  const config = new KubeConfig();
  if (first === undefined) {
    config.loadFromOptions({ clusters: [], users: [], contexts: [] });
    return config;
  }
  config.loadFromFile(first);
  for (const file of rest) {
    const other = new KubeConfig();
    other.loadFromFile(file);
    config.mergeConfig(other, true);
  }
  return config;
}

function kubeconfigFiles(env: Environment): string[] {
  const listed = nonEmpty(env.KUBECONFIG);
  return listed?.split(delimiter).filter((file) => file !== '') ?? [join(home(env), '.kube', 'config')];
}

function home(env: Environment): string {
  return nonEmpty(env.HOME) ?? homedir();
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
