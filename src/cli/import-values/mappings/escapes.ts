// What no prop offers and the escapes of a component do: more containers, volumes, mounts, variables from elsewhere.
import { environmentVariable, listOf } from '../environment.js';
import { compact, type Data, type DataMap, type Statement, type Target } from '../expression.js';
import { isPlainMap, type Values } from '../values.js';

const CONTAINER_FIELDS = [
  ...['name', 'image', 'imagePullPolicy', 'command', 'args', 'env', 'volumeMounts', 'ports', 'resources'],
  ...['startupProbe', 'livenessProbe', 'readinessProbe', 'restartPolicy', 'securityContext'],
];
const VOLUME_SOURCES = [
  ...['emptyDir', 'configMap', 'secret', 'persistentVolumeClaim', 'projected', 'csi', 'nfs', 'ephemeral'],
];
const MOUNT_FIELDS = ['name', 'mountPath', 'subPath', 'readOnly'];

/** Volumes, mounts and containers of a component, added to each target. */
export function escapesOf(values: Values, targets: readonly Target[]): Statement[] {
  return [
    ...volumes(values, 'extraVolumes', 'extraVolumeMounts', targets),
    ...containers(values, 'extraContainers', 'addContainer', targets),
    ...containers(values, 'extraInitContainers', 'addInitContainer', targets),
  ];
}

/** A volume is mounted where it is added when it has one mount of the plain kind. */
export function volumes(values: Values, key: string, mountKey: string, targets: readonly Target[]): Statement[] {
  const dropped = new Set<unknown>();
  const added = objects(values, key).flatMap((volume): Statement[] => {
    const found = picked(values, key, volume, ['name', ...VOLUME_SOURCES]);
    if (found !== undefined && Object.keys(found).length > 1) return [{ targets, method: 'addVolume', args: [found] }];
    if (Object.keys(volume).length < 2)
      values.refuse(key, `'${String(volume.name)}' must have a source, such as emptyDir`);
    dropped.add(volume.name);
    return [];
  });
  const mounts = objects(values, mountKey).flatMap((mount): DataMap[] => {
    // A pod that mounts a volume that it does not have is refused by the cluster.
    if (dropped.has(mount.name)) {
      values.remark(mountKey, `'${String(mount.name)}' is left out with its volume`);
      return [];
    }
    const found = picked(values, mountKey, mount, MOUNT_FIELDS);
    return found === undefined ? [] : [found];
  });
  const mounted = mounts.map((mount): Statement => ({ targets, method: 'addMount', args: [mount] }));
  const plain = (name: Data | undefined): DataMap[] => mounts.filter((mount) => mount.name === name);
  return [
    ...added.map((statement): Statement => {
      const [volume] = statement.args as [DataMap];
      const [mount, ...more] = plain(volume.name);
      if (mount === undefined || more.length > 0 || Object.keys(mount).length > 2) return statement;
      return { ...statement, args: [volume, mount.mountPath ?? null] };
    }),
    ...mounted.filter(({ args }) => {
      const [mount] = args as [DataMap];
      const shared = plain(mount.name).length > 1 || Object.keys(mount).length > 2;
      return shared || !added.some((statement) => (statement.args[0] as DataMap).name === mount.name);
    }),
  ];
}

function containers(values: Values, key: string, method: string, targets: readonly Target[]): Statement[] {
  return objects(values, key).flatMap((container): Statement[] => {
    const found = picked(values, key, container, CONTAINER_FIELDS);
    if (found === undefined) return [];
    const env = Array.isArray(container.env)
      ? container.env.flatMap((variable: unknown): DataMap[] => {
          const known = environmentVariable(values, key, variable);
          return known === undefined ? [] : [known];
        })
      : undefined;
    return [{ targets, method, args: [compact({ ...found, env }) ?? {}] }];
  });
}

function objects(values: Values, key: string): Record<string, unknown>[] {
  return (listOf(values, key) ?? []).flatMap((each) => {
    if (isPlainMap(each) && typeof each.name === 'string') return [each];
    values.refuse(key, "must hold objects with a 'name'");
    return [];
  });
}

/** The fields that the library has; others are listed. */
function picked(values: Values, key: string, object: Record<string, unknown>, fields: string[]): DataMap | undefined {
  const others = Object.keys(object).filter((field) => !fields.includes(field));
  if (others.length > 0)
    values.remark(
      key,
      `'${String(object.name)}': ${others.map((field) => `'${field}'`).join(', ')} is not offered; use 'patch'`,
    );
  return compact(Object.fromEntries(Object.entries(object).filter(([field]) => fields.includes(field))) as DataMap);
}
