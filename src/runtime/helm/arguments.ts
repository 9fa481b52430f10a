import type { HelmRequest } from './request.js';

/** What an invocation needs beside the request. */
export interface HelmPlace {
  readonly namespace: string;
  /** null: as helm finds it. */
  readonly kubeconfig: string | null;
  readonly context: string | null;
}

/** Which cluster and namespace; pure. */
export function placeArguments({ namespace, kubeconfig, context }: HelmPlace): string[] {
  return [
    '--namespace',
    namespace,
    ...(kubeconfig === null ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === null ? [] : ['--kube-context', context]),
  ];
}

/**
 * The operation of a request; pure.
 * @param major version of helm: what others call `--atomic` helm 4 calls `--rollback-on-failure`
 * @param valueFiles in their order
 */
export function operationArguments(request: HelmRequest, major: number, valueFiles: readonly string[]): string[] {
  const { action, extraArgs, release, timeoutSeconds } = request;
  const timeout = ['--timeout', `${timeoutSeconds}s`];
  const wait = request.wait ? ['--wait'] : [];
  switch (action) {
    case 'install':
    case 'upgrade':
      return [
        action,
        release,
        request.chart ?? '',
        ...(action === 'upgrade' ? ['--install'] : []),
        ...optional('--version', request.version),
        ...optional('--repo', request.repo),
        ...flag('--create-namespace', request.createNamespace),
        ...valueFiles.flatMap((file) => ['--values', file]),
        ...(action === 'upgrade' ? previous(request.previousValues) : []),
        ...flag('--dependency-update', request.dependencyUpdate),
        ...wait,
        ...flag('--wait-for-jobs', request.waitForJobs),
        ...flag(major >= 4 ? '--rollback-on-failure' : '--atomic', request.rollbackOnFailure),
        ...timeout,
        ...extraArgs,
      ];
    case 'uninstall':
      return [
        action,
        release,
        '--ignore-not-found',
        ...wait,
        ...flag('--keep-history', request.keepHistory),
        ...timeout,
        ...extraArgs,
      ];
    case 'test':
      return [action, release, '--logs', ...timeout, ...extraArgs];
    case 'rollback':
      return [
        action,
        release,
        ...(request.revision === null ? [] : [String(request.revision)]),
        ...wait,
        ...timeout,
        ...extraArgs,
      ];
  }
}

/** How a release that was left in the middle of an operation is brought to rest; null: it is at rest. Pure. */
export function recoveryArguments(status: string, { timeoutSeconds }: HelmRequest, release: string): string[] | null {
  const timeout = ['--timeout', `${timeoutSeconds}s`];
  switch (status) {
    // There is nothing to go back to.
    case 'pending-install':
    case 'uninstalling':
      return ['uninstall', release, '--ignore-not-found', '--wait', ...timeout];
    case 'pending-upgrade':
    case 'pending-rollback':
      return ['rollback', release, '--wait', ...timeout];
    default:
      return null;
  }
}

function optional(name: string, value: string | null): string[] {
  return value === null ? [] : [name, value];
}

function flag(name: string, given: boolean): string[] {
  return given ? [name] : [];
}

function previous(values: HelmRequest['previousValues']): string[] {
  return values === 'default' ? [] : [`--${values}-values`];
}
