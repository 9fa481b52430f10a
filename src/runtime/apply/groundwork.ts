import type { Discovery } from '../run/discovery.js';
import type { ManifestDocument } from './documents.js';

const CRD = 'CustomResourceDefinition';

/** Documents in the order in which they can be checked. */
export interface Staged {
  /** Can be tried before anything is changed. */
  readonly now: readonly ManifestDocument[];
  /** Namespaces and definitions among them that others need; they are made first. */
  readonly groundwork: readonly ManifestDocument[];
  /** Can be tried only when the groundwork is there. */
  readonly late: readonly ManifestDocument[];
}

/**
 * Finds the documents that need a namespace or a kind which the same documents make.
 * @param exists tells whether there is a namespace
 */
export async function stage(
  documents: readonly ManifestDocument[],
  discovery: Discovery,
  exists: (namespace: string) => Promise<boolean>,
): Promise<Staged> {
  const namespaces = documents.filter(({ kind, apiVersion }) => kind === 'Namespace' && apiVersion === 'v1');
  const definitions = documents.filter(({ kind }) => kind === CRD);
  const needs = await Promise.all(
    documents.map(async (document): Promise<ManifestDocument[]> => {
      const definition = definitions.find((one) => defines(one, document));
      const namespace = namespaces.find(({ name }) => name === document.namespace);
      const isKnown = definition === undefined || (await discovery.find(document.apiVersion, document.kind)) !== null;
      const isThere = namespace === undefined || (await exists(namespace.name));
      return [...(isKnown ? [] : [definition]), ...(isThere ? [] : [namespace])];
    }),
  );
  const needed = needs.flat();
  return {
    now: documents.filter((_, position) => needs[position]?.length === 0),
    groundwork: [...namespaces, ...definitions].filter((one) => needed.includes(one)),
    late: documents.filter((_, position) => needs[position]?.length !== 0),
  };
}

/** Is it the definition of this document's kind? Pure. */
export function defines({ body }: ManifestDocument, { apiVersion, kind }: ManifestDocument): boolean {
  const spec = body.spec as { group?: unknown; names?: { kind?: unknown }; versions?: unknown } | undefined;
  const versions = Array.isArray(spec?.versions) ? (spec.versions as { name?: unknown }[]) : [];
  return (
    spec?.names?.kind === kind && versions.some(({ name }) => `${String(spec.group)}/${String(name)}` === apiVersion)
  );
}
