import { isMap as isYamlMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { InputErrors } from './problems.js';

export type Path = readonly (string | number)[];

/** A values file as data, and where each key stands. */
export interface ValuesFile {
  readonly root: Readonly<Record<string, unknown>>;
  /** Line of a key, from 1; that of the nearest key above it if it has none of its own. */
  readonly lineOf: (path: Path) => number;
}

/**
 * Reads YAML, without any meaning.
 * @param name of the file, for messages
 * @throws InputErrors if it is no YAML, or no map
 */
export function readValues(text: string, name: string): ValuesFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  if (document.errors.length > 0) {
    throw new InputErrors(
      document.errors.map(({ pos, message }) => `${name}:${lines.linePos(pos[0]).line}: ${message}`),
    );
  }
  const data: unknown = document.toJS() ?? {};
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw new InputErrors([`${name}:1: must be a map of keys and values, as the chart's values.yaml`]);
  const positions = new Map<string, number>();
  note(document.contents, [], (path, offset) => positions.set(JSON.stringify(path), lines.linePos(offset).line));
  return {
    root: data as Record<string, unknown>,
    lineOf: (path) => {
      for (let length = path.length; length > 0; length--) {
        const line = positions.get(JSON.stringify(path.slice(0, length)));
        if (line !== undefined) return line;
      }
      return 1;
    },
  };
}

function note(node: unknown, path: Path, found: (path: Path, offset: number) => void): void {
  if (isYamlMap(node)) {
    for (const { key, value } of node.items as Pair<Node, Node | null>[]) {
      const name = [...path, isScalar(key) ? String(key.value) : String(key)];
      if (key.range) found(name, key.range[0]);
      note(value, name, found);
    }
  } else if (isSeq(node)) {
    for (const [index, item] of (node.items as Node[]).entries()) {
      if (item.range) found([...path, index], item.range[0]);
      note(item, [...path, index], found);
    }
  }
}

/** A path as people write it: `workers.env[0].name`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const name = /^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part);
    return text === '' ? name : `${text}.${name}`;
  }, '');
}
