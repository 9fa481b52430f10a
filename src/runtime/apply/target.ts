import { createHash } from 'node:crypto';
import type { Collection, KubeObject } from '../api/object-api.js';
import type { RunTask } from '../run/request-parts.js';
import type { ManifestDocument } from './documents.js';
import type { ObjectName } from './events.js';

/** On an object that a run may delete or go on with: who made it. */
export const MADE_BY = 'airflow-pod-launcher/made-by';

/** A document and where its object is. */
export interface Target {
  readonly document: ManifestDocument;
  readonly where: Collection<KubeObject>;
  /** The object as it was before anything was changed; null: there is none. */
  readonly before: KubeObject | null;
  /** Is it this task's own: made by this run, or by an earlier try? */
  readonly ours: boolean;
}

/** Who makes objects: the same for every try of a task; pure. @param random for a run of no task */
export function makerOf(task: RunTask | null, random: string): string {
  if (task === null) {
    return random;
  }
  const { dagId, taskId, runId, mapIndex } = task;
  return createHash('sha256')
    .update(JSON.stringify([dagId, taskId, runId, mapIndex]))
    .digest('hex')
    .slice(0, 32);
}

/** Was it made by this one? Pure. */
export function isMadeBy(object: KubeObject | null, maker: string): boolean {
  return object?.metadata?.annotations?.[MADE_BY] === maker;
}

/** What is sent: the document in its namespace, with its maker if it is to be known; pure. */
export function bodyOf({ document, where }: Pick<Target, 'document' | 'where'>, maker: string | null): object {
  const { body } = document;
  const metadata = (body.metadata ?? {}) as Record<string, unknown>;
  const { namespace } = where;
  const annotations = {
    ...(metadata.annotations as object | undefined),
    ...(maker === null ? {} : { [MADE_BY]: maker }),
  };
  return {
    ...body,
    metadata: {
      ...metadata,
      ...(namespace === null ? {} : { namespace }),
      ...(maker === null ? {} : { annotations }),
    },
  };
}

/** The object of a target for people and events; pure. */
export function nameOf({ document, where }: Pick<Target, 'document' | 'where'>): ObjectName {
  const { apiVersion, kind, name } = document;
  return { apiVersion, kind, namespace: where.namespace, name };
}

/** `Deployment team/web`; pure. */
export function describeName({ kind, namespace, name }: ObjectName): string {
  return `${kind} ${namespace === null ? '' : `${namespace}/`}${name}`;
}
