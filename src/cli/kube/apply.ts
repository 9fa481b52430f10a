import { CliError, EXIT_CODES } from '../errors.js';
import { KubeApiError, type KubeClient } from './client.js';
import { objectName, type KubeObject } from './objects.js';

/** Owner of the fields that `deploy` applies. */
export const FIELD_MANAGER = 'cdk8s-airflow';

/** What applying an object did. */
export type Outcome = 'created' | 'changed' | 'unchanged';

export interface ApplyOptions {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
}

/** Server-side apply of one object; unknown fields are refused. */
export async function apply(client: KubeClient, object: KubeObject, options: ApplyOptions = {}): Promise<Outcome> {
  const { metadata } = object;
  const before = await client.find(object.apiVersion, object.kind, metadata.namespace ?? '', metadata.name);
  const path = await client.pathOf(object.apiVersion, object.kind, metadata.namespace, metadata.name);
  const after = await client.request<KubeObject>('PATCH', path, {
    query: {
      fieldManager: options.fieldManager ?? FIELD_MANAGER,
      // Taking over what `kubectl apply` or a Helm release set before is the point of `deploy`.
      force: true,
      fieldValidation: 'Strict',
      ...(options.dryRun === true ? { dryRun: 'All' } : {}),
    },
    body: object,
    contentType: 'application/apply-patch+yaml',
  });
  if (before === undefined) {
    return 'created';
  }
  return before.metadata.resourceVersion === after.metadata.resourceVersion ? 'unchanged' : 'changed';
}

/**
 * Lets the API server check every object without changing anything.
 * @param missing namespaces that do not exist yet: their objects are checked in `default` instead
 * @throws CliError REFUSED with everything that it refuses, all at once
 */
export async function dryRun(
  client: KubeClient,
  objects: readonly KubeObject[],
  missing: ReadonlySet<string>,
): Promise<void> {
  const refused: string[] = [];
  for (const object of objects) {
    const { namespace } = object.metadata;
    const standIn = namespace !== undefined && missing.has(namespace);
    const checked = standIn ? { ...object, metadata: { ...object.metadata, namespace: 'default' } } : object;
    try {
      await apply(client, checked, { dryRun: true });
    } catch (error) {
      if (!(error instanceof KubeApiError)) {
        throw error;
      }
      // Who may create a namespace may still have no right in `default`.
      if (!(standIn && error.code === 403)) {
        refused.push(`${objectName(object)}: ${error.message}`);
      }
    }
  }
  if (refused.length > 0) {
    throw new CliError(
      EXIT_CODES.REFUSED,
      `The cluster refuses ${refused.length} of ${objects.length} objects; nothing was changed:\n` +
        refused.map((line) => `  ${line}`).join('\n'),
    );
  }
}
