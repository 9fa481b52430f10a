import { ANY, CHART_KEYS, type Keys } from './chart-keys.js';
import { type DataMap } from './expression.js';
import type { Remark } from './problems.js';
import { resolveText, type TemplateScope } from './templates.js';
import { type Path, pathText, type ValuesFile } from './values-file.js';

/** What holds for every look into the values. */
interface Ledger {
  readonly file: ValuesFile;
  readonly name: string;
  readonly scope: TemplateScope;
  readonly taken: Path[];
  readonly remarks: Remark[];
  readonly errors: string[];
}

/**
 * The user's values, or a part of them. What is asked for counts as carried over; what nobody asks for is listed at the
 * end. A template that cannot be resolved is listed and taken for not given.
 */
export class Values {
  private constructor(
    private readonly ledger: Ledger,
    private readonly base: Path,
  ) {}

  static of(file: ValuesFile, name: string, { release, namespace }: { release: string; namespace: string }): Values {
    const value = (path: readonly string[]): unknown => dig(file.root, path) ?? scalarDefault(path);
    const scope = { release, namespace, value };
    return new Values({ file, name, scope, taken: [], remarks: [], errors: [] }, []);
  }

  get release(): string {
    return this.ledger.scope.release;
  }

  get namespace(): string {
    return this.ledger.scope.namespace;
  }

  get remarks(): readonly Remark[] {
    return this.ledger.remarks;
  }

  get errors(): readonly string[] {
    return this.ledger.errors;
  }

  /** Whether a key was asked for, itself or as a part of what is above it. */
  isTaken(path: Path): boolean {
    return this.ledger.taken.some((each) => each.every((part, index) => part === path[index]));
  }

  /** Whether something below a key was asked for. */
  isOpened(path: Path): boolean {
    return this.ledger.taken.some(
      (each) => each.length > path.length && path.every((part, index) => part === each[index]),
    );
  }

  /** A part of the values, by its dotted path. */
  at(key: string): Values {
    return new Values(this.ledger, this.path(key));
  }

  /** Whether it is given and not null. */
  has(key: string): boolean {
    return this.peek(key) !== undefined;
  }

  /** What is given there, without accounting for it. */
  peek(key: string): unknown {
    return dig(this.ledger.file.root, this.path(key)) ?? undefined;
  }

  /** A text; numbers are taken for one. */
  text(key: string): string | undefined {
    const value = this.take(key);
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (value === undefined || typeof value === 'string') return value === '' ? undefined : value;
    this.refuse(key, 'must be a text');
    return undefined;
  }

  number(key: string): number | undefined {
    const value = this.take(key);
    if (value === undefined || typeof value === 'number') return value;
    if (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
    this.refuse(key, 'must be a number');
    return undefined;
  }

  flag(key: string): boolean | undefined {
    const value = this.take(key);
    if (value === undefined || typeof value === 'boolean') return value;
    if (value === 'true' || value === 'false') return value === 'true';
    this.refuse(key, 'must be true or false');
    return undefined;
  }

  /** A list; undefined if it is empty. */
  list(key: string): readonly unknown[] | undefined {
    const value = this.take(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) {
      this.refuse(key, 'must be a list');
      return undefined;
    }
    return value.length === 0 ? undefined : value;
  }

  /** A map in the API's own form; undefined if it is empty. */
  map(key: string): DataMap | undefined {
    const value = this.take(key);
    if (value === undefined) return undefined;
    if (!isPlainMap(value)) {
      this.refuse(key, 'must be a map');
      return undefined;
    }
    return Object.keys(value).length === 0 ? undefined : (value as DataMap);
  }

  /** A map of texts, such as labels; undefined if it is empty. */
  texts(key: string): Record<string, string> | undefined {
    const map = this.map(key);
    if (map === undefined) return undefined;
    return Object.fromEntries(
      Object.entries(map).flatMap(([name, value]) =>
        value === null || value === undefined
          ? []
          : [[name, typeof value === 'string' ? value : JSON.stringify(value)]],
      ),
    );
  }

  /** Names of the keys below. */
  keys(key = ''): string[] {
    const value = key === '' ? dig(this.ledger.file.root, this.base) : this.peek(key);
    return isPlainMap(value) ? Object.keys(value) : [];
  }

  /** Lists a key that is not carried over, if it is given. */
  leave(key: string, reason: string): void {
    if (this.has(key)) this.remark(key, reason);
  }

  /** Lists a key whether it is given or the chart's default. */
  remark(key: string, reason: string): void {
    const path = this.path(key);
    this.ledger.taken.push(path);
    const line = dig(this.ledger.file.root, path) === undefined ? 0 : this.ledger.file.lineOf(path);
    const remark = { key: pathText(path), line, reason };
    if (!this.ledger.remarks.some((each) => each.key === remark.key && each.reason === reason))
      this.ledger.remarks.push(remark);
  }

  /** Refuses a key. */
  refuse(key: string, fix: string): void {
    const path = this.path(key);
    this.ledger.taken.push(path);
    const line = this.ledger.file.lineOf(path);
    this.ledger.errors.push(`${this.ledger.name}:${line}: ${pathText(path)}: ${fix}`);
  }

  private take(key: string): unknown {
    const path = this.path(key);
    this.ledger.taken.push(path);
    return this.resolve(dig(this.ledger.file.root, path) ?? undefined, path) ?? undefined;
  }

  /** The value without templates; what holds one that cannot be resolved is gone. */
  private resolve(value: unknown, path: Path): unknown {
    if (typeof value === 'string') {
      const resolved = resolveText(value, this.ledger.scope);
      if ('text' in resolved) return resolved.text;
      const { lineOf } = this.ledger.file;
      const reason = `a template that only Helm can resolve: ${resolved.unresolved}`;
      const remark = { key: pathText(path), line: lineOf(path), reason };
      if (!this.ledger.remarks.some((each) => each.key === remark.key)) this.ledger.remarks.push(remark);
      return undefined;
    }
    if (Array.isArray(value)) {
      return value
        .map((each: unknown, index) => this.resolve(each, [...path, index]))
        .filter((each) => each !== undefined);
    }
    if (isPlainMap(value)) {
      return Object.fromEntries(
        Object.entries(value).flatMap(([name, each]) => {
          const resolved = this.resolve(each, [...path, name]);
          const key = resolveText(name, this.ledger.scope);
          return resolved === undefined ? [] : [['text' in key ? key.text : name, resolved]];
        }),
      );
    }
    return value;
  }

  private path(key: string): Path {
    return key === '' ? this.base : [...this.base, ...key.split('.')];
  }
}

export function isPlainMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function dig(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => {
    if (Array.isArray(value) && typeof part === 'number') return value[part] as unknown;
    return isPlainMap(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }, root);
}

function scalarDefault(path: readonly string[]): unknown {
  const found = path.reduce<unknown>(
    (keys, part) => (isPlainMap(keys) && Object.hasOwn(keys, part) ? (keys as Keys)[part] : undefined),
    CHART_KEYS,
  );
  return found === ANY ? undefined : found;
}
