// The few Go templates that can be answered without Helm: names of the release, other values, and quoted text.

export interface TemplateScope {
  readonly release: string;
  readonly namespace: string;
  /** A value by its path; undefined if there is none. */
  readonly value: (path: readonly string[]) => unknown;
}

/** What became of a text: resolved, or the first template that could not be. */
export type Resolved = { readonly text: string } | { readonly unresolved: string };

/** How often a value may refer to another one that is a template itself. */
const MAX_DEPTH = 10;

/** Resolves the templates of a text: `{{ .Release.Name }}`, `{{ .Release.Namespace }}`, `{{ .Values.x }}`, `{{ "…" }}`. */
export function resolveText(text: string, scope: TemplateScope, depth = 0): Resolved {
  let unresolved: string | undefined;
  // A dash at either end eats the white space there.
  const resolved = text.replace(
    /(?:\s*\{\{-(?=\s)|\{\{)((?:"(?:[^"\\]|\\.)*"|`[^`]*`|[^"`}]|\}(?!\}))*?)(?:(?<=\s)-\}\}\s*|\}\})/g,
    (whole, action: string) => {
      const found = resolveAction(action.trim(), scope, depth);
      if (found === undefined) unresolved ??= whole.trim();
      return found ?? whole;
    },
  );
  if (unresolved !== undefined) return { unresolved };
  return { text: resolved };
}

function resolveAction(action: string, scope: TemplateScope, depth: number): string | undefined {
  if (action === '.Release.Name') return scope.release;
  if (action === '.Release.Namespace') return scope.namespace;
  if (/^"(?:[^"\\]|\\.)*"$/.test(action)) return unquote(action);
  if (/^`[^`]*`$/.test(action)) return action.slice(1, -1);
  if (/^\/\*[^]*\*\/$/.test(action)) return '';
  const path = /^\.Values((?:\.[A-Za-z_][A-Za-z0-9_]*)+)$/.exec(action)?.[1];
  if (path === undefined || depth === MAX_DEPTH) return undefined;
  const value = scope.value(path.slice(1).split('.'));
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return undefined;
  const inner = resolveText(value, scope, depth + 1);
  return 'text' in inner ? inner.text : undefined;
}

function unquote(literal: string): string | undefined {
  try {
    return JSON.parse(literal) as string;
  } catch {
    return undefined;
  }
}
