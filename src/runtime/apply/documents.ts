import { type Document, isAlias, LineCounter, type Node, parseAllDocuments } from 'yaml';
import { ConfigError, type ConfigProblem } from '../config/errors.js';
import { isPlainObject } from '../pods/merge.js';
import { childOf } from '../run/yaml-lines.js';

/** Where manifests come from: text with any number of documents, or one object. */
export type ManifestSource =
  | { readonly source: string; readonly yaml: string }
  | { readonly source: string; readonly manifest: Readonly<Record<string, unknown>> };

/** One object as it is asked for. */
export interface ManifestDocument {
  readonly source: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** null: it says none. */
  readonly namespace: string | null;
  readonly body: Readonly<Record<string, unknown>>;
  /** The place of a field for people: `file.yaml:12`, or the nearest one that is there. */
  at(path: readonly string[]): string;
}

/** A part of a source that is one object. */
interface Part {
  readonly source: string;
  readonly value: unknown;
  readonly at: (path: readonly string[]) => string;
}

/**
 * Reads manifests: every document of every source, the items of Lists one by one; pure.
 * @throws ConfigError with all problems: what is not YAML, what has no apiVersion, kind or name, what comes twice
 */
export function readDocuments(sources: readonly ManifestSource[]): ManifestDocument[] {
  const problems: ConfigProblem[] = [];
  const parts = sources.flatMap((source) => partsOf(source, problems));
  const documents = parts.flatMap(withItems).flatMap((part) => {
    const [document, wrong] = documentOf(part);
    problems.push(...wrong);
    return document === null ? [] : [document];
  });
  problems.push(...repeated(documents));
  if (problems.length === 0 && documents.length === 0) {
    const [first] = sources;
    problems.push({ file: first?.source ?? 'request', field: '', message: 'holds no object' });
  }
  if (problems.length > 0) {
    throw new ConfigError(problems);
  }
  return documents;
}

function partsOf(given: ManifestSource, problems: ConfigProblem[]): Part[] {
  const { source } = given;
  if ('manifest' in given) {
    return [{ source, value: given.manifest, at: () => source }];
  }
  const lines = new LineCounter();
  const documents = parseAllDocuments(given.yaml, { lineCounter: lines, merge: true, prettyErrors: false });
  return (Array.isArray(documents) ? documents : []).flatMap((document): Part[] => {
    const place = (offset: number): string => `${source}:${lines.linePos(offset).line}`;
    // The first explains the others.
    const [error] = document.errors;
    if (error !== undefined) {
      problems.push({ file: place(error.pos[0]), field: '', message: `is not YAML: ${error.message}` });
      return [];
    }
    if (document.contents === null) {
      return [];
    }
    try {
      const value: unknown = document.toJS();
      return value === null ? [] : [{ source, value, at: (path) => place(offsetOf(document, path)) }];
    } catch (error) {
      problems.push({ file: source, field: '', message: `is not YAML: ${(error as Error).message}` });
      return [];
    }
  });
}

/** A List is the objects that it holds. */
function withItems(part: Part): Part[] {
  const { source, value, at } = part;
  if (!isPlainObject(value) || value.kind !== 'List' || !Array.isArray(value.items)) {
    return [part];
  }
  return (value.items as unknown[]).map((item, position) => ({
    source,
    value: item,
    at: (path) => at(['items', String(position), ...path]),
  }));
}

function documentOf({ source, value, at }: Part): [ManifestDocument | null, ConfigProblem[]] {
  if (!isPlainObject(value)) {
    return [null, [{ file: at([]), field: '', message: 'must be an object with apiVersion, kind and metadata' }]];
  }
  const metadata = isPlainObject(value.metadata) ? value.metadata : {};
  const { name, namespace } = metadata;
  const { apiVersion, kind } = value;
  const problems: ConfigProblem[] = [];
  const need = (field: string, path: readonly string[], given: unknown, hint = ''): void => {
    if (typeof given !== 'string' || given === '') {
      const said = given === undefined ? 'is missing' : `(${JSON.stringify(given)}) must be text`;
      problems.push({ file: at(path), field, message: `${said}${hint}` });
    }
  };
  need('apiVersion', ['apiVersion'], apiVersion);
  need('kind', ['kind'], kind);
  const hint = metadata.generateName === undefined ? '' : ': what is applied again must have the same name';
  need('metadata.name', ['metadata', 'name'], name, hint);
  if (namespace !== undefined) {
    need('metadata.namespace', ['metadata', 'namespace'], namespace);
  }
  if (problems.length > 0) {
    return [null, problems];
  }
  const texts = { apiVersion: apiVersion as string, kind: kind as string, name: name as string };
  return [{ source, ...texts, namespace: (namespace as string | undefined) ?? null, body: value, at }, []];
}

function repeated(documents: readonly ManifestDocument[]): ConfigProblem[] {
  const seen = new Map<string, ManifestDocument>();
  return documents.flatMap((document) => {
    const { apiVersion, kind, name, namespace } = document;
    const key = JSON.stringify([apiVersion, kind, namespace, name]);
    const first = seen.get(key);
    seen.set(key, first ?? document);
    const path = ['metadata', 'name'];
    return first === undefined
      ? []
      : [{ file: document.at(path), field: 'metadata.name', message: `(${kind} ${name}) is in ${first.at(path)} too` }];
  });
}

/** Where in the text a field is, or else the last step to it that is there. */
function offsetOf(document: Document.Parsed, path: readonly string[]): number {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const step of path) {
    const found = childOf(isAlias(node) ? node.resolve(document) : node, step);
    if (found === null) {
      return offset;
    }
    const [key, value] = found;
    offset = key.range?.[0] ?? offset;
    node = value as Node | null;
  }
  return offset;
}
