import { Duration } from 'cdk8s';
import { PATHS } from './contract.js';
import type { DagsBinding } from './dags-binding.js';
import { type EnvVar, fromSecret, type PodContainer, type PodPart, type PodVolume, restricted } from './pod.js';
import type { Release } from './release.js';
import { renderResources } from './resources.js';
import type { SecretRef } from './secret-ref.js';
import { Checks } from './validation.js';

/** Options of `Dags.gitSync`. */
export interface DagsGitSyncOptions {
  /** URL that git can clone: `https://…`, `ssh://…`, `git@host:path`. */
  readonly repo: string;
  /** Branch, tag or commit. @default 'HEAD' - The repository's default branch. */
  readonly ref?: string;
  /** Commits of history to fetch; 0 for all. @default 1 */
  readonly depth?: number;
  /** Time between two looks at the repository. @default Duration.seconds(5) */
  readonly period?: Duration;
  /** Folder of the repository that holds the DAGs. @default - The whole repository. */
  readonly subPath?: string;
  /** Private key for ssh, by convention the key `gitSshKey`. @default - None. */
  readonly sshKey?: SecretRef;
  /** A `known_hosts` file; needed with `sshKey`. @default - The host's key is not checked. */
  readonly knownHosts?: SecretRef;
  /** User name for http. @default - None. */
  readonly username?: SecretRef;
  /** Password or token for http. @default - None. */
  readonly password?: SecretRef;
  /** @default 'registry.k8s.io/git-sync/git-sync:v4.4.2' */
  readonly image?: string;
}

/** Uid that the image of git-sync is made for. */
const GIT_SYNC_UID = 65533;
const ROOT = '/git';
const SSH_KEY = '/etc/git-secret/ssh';
const KNOWN_HOSTS = '/etc/git-secret-hosts/known_hosts';

/** git-sync, documented at https://github.com/kubernetes/git-sync/tree/v4.4.2#manual */
export function bindGitSync(release: Release, options: DagsGitSyncOptions): DagsBinding {
  check(release, options);
  const once = container(release, options, 'git-sync-init', [
    { name: 'GITSYNC_ONE_TIME', value: 'true' },
    { name: 'GITSYNC_MAX_FAILURES', value: '5' },
  ]);
  const follow: PodContainer = {
    // A git server that is away for an hour must stop nothing: the DAGs of the last commit stay.
    ...container(release, options, 'git-sync', [{ name: 'GITSYNC_MAX_FAILURES', value: '-1' }]),
    restartPolicy: 'Always',
  };
  const volumes = [{ name: 'dags', emptyDir: {} }, ...credentials(options)];
  const mounts = [{ name: 'dags', mountPath: PATHS.DAGS, readOnly: true }];
  const following: PodPart = { volumes, mounts, initContainers: [once, follow] };
  return {
    folder: [PATHS.DAGS, 'repo', ...(options.subPath === undefined ? [] : [options.subPath])].join('/'),
    processor: following,
    reader: following,
    // A task runs one commit from its start to its end.
    task: { volumes, mounts, initContainers: [once] },
    copiedAtStart: true,
  };
}

function check(release: Release, options: DagsGitSyncOptions): void {
  const checks = new Checks(release.scope, 'dags.');
  checks.notEmpty('repo', options.repo, 'the URL of a git repository, such as https://example.com/dags.git');
  checks.notEmpty('ref', options.ref, 'a branch, tag or commit; leave it out for the default branch');
  checks.integer('depth', options.depth, 0);
  checks.subPath('subPath', options.subPath);
  if (options.period && options.period.toMilliseconds() < 1000) {
    checks.report('period', options.period.toHumanString(), 'must be at least 1 second');
  }
  if (/^https?:\/\/[^/]*@/.test(options.repo)) {
    checks.report(
      'repo',
      options.repo.replace(/\/\/[^/]*@/, '//…@'),
      "must not hold credentials: use 'username' and 'password'",
    );
  }
  const ssh = /^(ssh:\/\/|[^/]+@[^/]+:)/.test(options.repo);
  if (options.sshKey && !ssh)
    checks.report('repo', options.repo, "must be an ssh URL when 'sshKey' is given, such as git@example.com:dags.git");
  if (options.knownHosts && !options.sshKey) checks.report('sshKey', undefined, "must be given with 'knownHosts'");
  if ((options.username === undefined) !== (options.password === undefined)) {
    const missing = options.username ? 'password' : 'username';
    checks.report(missing, undefined, "must be given: 'username' and 'password' go together");
  }
}

function container(release: Release, options: DagsGitSyncOptions, name: string, extra: EnvVar[]): PodContainer {
  const period = (options.period ?? Duration.seconds(5)).toMilliseconds();
  return {
    name,
    image: options.image ?? 'registry.k8s.io/git-sync/git-sync:v4.4.2',
    imagePullPolicy: release.imagePullPolicy,
    env: [
      { name: 'GITSYNC_REPO', value: options.repo },
      { name: 'GITSYNC_REF', value: options.ref ?? 'HEAD' },
      { name: 'GITSYNC_DEPTH', value: String(options.depth ?? 1) },
      { name: 'GITSYNC_ROOT', value: ROOT },
      { name: 'GITSYNC_LINK', value: 'repo' },
      { name: 'GITSYNC_PERIOD', value: `${period / 1000}s` },
      ...credentialEnv(options),
      ...extra,
    ],
    volumeMounts: [
      { name: 'dags', mountPath: ROOT },
      ...(options.sshKey ? [{ name: 'git-ssh-key', mountPath: SSH_KEY, subPath: 'ssh', readOnly: true }] : []),
      ...(options.knownHosts
        ? [{ name: 'git-known-hosts', mountPath: KNOWN_HOSTS, subPath: 'known_hosts', readOnly: true }]
        : []),
    ],
    resources: renderResources({ cpu: '10m', memory: '32Mi' }),
    securityContext: restricted({ runAsUser: GIT_SYNC_UID }),
  };
}

function credentialEnv(options: DagsGitSyncOptions): EnvVar[] {
  const secret = (name: string, ref: SecretRef | undefined): EnvVar[] =>
    ref ? [fromSecret(name, ref.secretName, ref.key)] : [];
  return [
    ...(options.sshKey
      ? [
          { name: 'GITSYNC_SSH_KEY_FILE', value: SSH_KEY },
          { name: 'GITSYNC_SSH_KNOWN_HOSTS', value: options.knownHosts ? 'true' : 'false' },
          ...(options.knownHosts ? [{ name: 'GITSYNC_SSH_KNOWN_HOSTS_FILE', value: KNOWN_HOSTS }] : []),
        ]
      : []),
    ...secret('GITSYNC_USERNAME', options.username),
    ...secret('GITSYNC_PASSWORD', options.password),
  ];
}

function credentials(options: DagsGitSyncOptions): PodVolume[] {
  const volume = (name: string, ref: SecretRef | undefined, path: string): PodVolume[] =>
    ref ? [{ name, secret: { secretName: ref.secretName, items: [{ key: ref.key, path }], defaultMode: 0o440 } }] : [];
  return [
    ...volume('git-ssh-key', options.sshKey, 'ssh'),
    ...volume('git-known-hosts', options.knownHosts, 'known_hosts'),
  ];
}
