import { Call, compact, type DataMap, Member, secretRef } from '../expression.js';
import { durationOf, sizeOf } from '../quantities.js';
import type { Values } from '../values.js';
import { imageOf } from './images.js';
import type { Mapping } from './mapping.js';

const ACCESS_MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'READ_WRITE_ONCE',
  ReadWriteMany: 'READ_WRITE_MANY',
};

/** Git-sync, a volume, or the image. */
export const dags: Mapping = (values) => {
  const gitSync = values.at('dags.gitSync');
  const persistence = values.at('dags.persistence');
  const onVolume = persistence.flag('enabled') === true;
  if (gitSync.flag('enabled') === true) {
    if (onVolume) persistence.remark('enabled', 'git-sync clones into each pod, not into a shared volume');
    return { props: { dags: new Call('Dags', 'gitSync', gitSyncOptions(values, gitSync)) } };
  }
  if (!onVolume) return {};
  const options = compact(claimOptions(persistence, '1Gi'));
  return { props: { dags: new Call('Dags', 'volume', ...(options === undefined ? [] : [options])) } };
};

/**
 * `size`, `accessMode`, `storageClass`, `existingClaim`, `subPath` of a volume.
 * @param size of the chart, unless the library's is the same
 */
export function claimOptions(values: Values, size: string, accessMode = 'ReadWriteOnce'): DataMap {
  const existingClaim = values.text('existingClaim');
  const given = values.text('size') ?? size;
  const mode = values.text('accessMode') ?? accessMode;
  const storageClass = values.text('storageClassName');
  const quantity = sizeOf(given);
  if (quantity === undefined) values.refuse('size', `must be a size such as 10Gi, not '${given}'`);
  const member = ACCESS_MODES[mode];
  if (['ReadOnlyMany', 'ReadWriteOncePod'].includes(mode))
    values.remark('accessMode', `'${mode}' is not offered: the pods of several components write`);
  else if (member === undefined)
    values.refuse('accessMode', `must be ${Object.keys(ACCESS_MODES).join(' or ')}, not '${mode}'`);
  return {
    existingClaim,
    size: existingClaim === undefined ? quantity : undefined,
    accessMode: member === undefined || mode === 'ReadWriteOnce' ? undefined : new Member('AccessMode', member),
    storageClass: existingClaim === undefined ? storageClass : undefined,
    subPath: values.text('subPath'),
  };
}

function gitSyncOptions(values: Values, gitSync: Values): DataMap {
  const repo = gitSync.text('repo') ?? 'https://github.com/apache/airflow.git';
  const branch = gitSync.text('branch');
  const rev = gitSync.text('rev');
  const ref = gitSync.text('ref') ?? (rev === undefined || rev === 'HEAD' ? branch : rev) ?? 'v2-2-stable';
  const credentials = gitSync.text('credentialsSecret');
  const subPath = gitSync.peek('subPath') === '' ? undefined : (gitSync.text('subPath') ?? 'tests/dags');
  const period = gitSync.text('period') ?? gitSync.text('wait') ?? '5s';
  const duration = durationOf(period);
  if (duration === undefined) gitSync.refuse('period', `must be a duration such as 5s, not '${period}'`);
  const depth = gitSync.number('depth');
  const sshKey = sshSecret(gitSync);
  return {
    repo,
    ref,
    subPath: subPath?.replace(/^\/+|\/+$/g, ''),
    depth: depth === 1 ? undefined : depth,
    period: period === '5s' || period === '5' ? undefined : duration,
    sshKey: sshKey === undefined ? undefined : secretRef(sshKey, 'gitSshKey'),
    knownHosts: knownHosts(gitSync, sshKey),
    username: credentials === undefined ? undefined : secretRef(credentials, 'GITSYNC_USERNAME'),
    password: credentials === undefined ? undefined : secretRef(credentials, 'GITSYNC_PASSWORD'),
    image: imageOf(values, 'images.gitSync'),
  };
}

function sshSecret(gitSync: Values): string | undefined {
  const named = gitSync.text('sshKeySecret');
  if (!gitSync.has('sshKey')) return named;
  const secret = named ?? `${gitSync.release}-ssh-secret`;
  gitSync.remark(
    'sshKey',
    `a private key: put it into the Secret '${secret}', key 'gitSshKey', which the program names`,
  );
  return secret;
}

/** The chart keeps it in a ConfigMap; here it is a key of a Secret, which the program names so that no host goes unchecked. */
function knownHosts(gitSync: Values, sshKey: string | undefined): Call | undefined {
  if (!gitSync.has('knownHosts') || sshKey === undefined) return undefined;
  gitSync.remark('knownHosts', `put it into the Secret '${sshKey}', key 'known_hosts', which the program names`);
  return secretRef(sshKey, 'known_hosts');
}
