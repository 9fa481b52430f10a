import { parse } from 'yaml';
import type { DataMap } from './expression.js';
import { isKeyMaterial } from './key-material.js';
import { isPlainMap, type Values } from './values.js';

/** Environment as the library takes it: what is written as such, and what comes from elsewhere. */
export interface Environment {
  readonly literals: Readonly<Record<string, string>>;
  readonly references: readonly DataMap[];
}

/** A variable in the API's own form. */
export interface EnvironmentVariable extends DataMap {
  readonly name: string;
}

/** Reads a list of variables, or a text with such a list in YAML. */
export function environmentOf(values: Values, key: string): Environment {
  const literals: Record<string, string> = {};
  const references: DataMap[] = [];
  for (const variable of listOf(values, key) ?? []) {
    const found = environmentVariable(values, key, variable);
    if (found === undefined) continue;
    if (typeof found.value === 'string') literals[found.name] = found.value;
    else references.push(found);
  }
  return { literals, references };
}

/** A variable in the API's own form; key material comes from a Secret that is yet to be made. */
export function environmentVariable(values: Values, key: string, variable: unknown): EnvironmentVariable | undefined {
  if (!isPlainMap(variable) || typeof variable.name !== 'string') {
    values.refuse(key, "must hold variables with a 'name' and a 'value' or 'valueFrom'");
    return undefined;
  }
  const { name, value, valueFrom } = variable;
  if (valueFrom !== undefined && valueFrom !== null) return { name, valueFrom: valueFrom as DataMap };
  const text = typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);
  if (!isKeyMaterial(name, text)) return { name, value: text };
  const secret = `${values.release}-environment`;
  values.remark(
    key,
    `'${name}' holds key material: put it into the Secret '${secret}' under the key '${name}', which the program names`,
  );
  return { name, valueFrom: { secretKeyRef: { name: secret, key: name } } };
}

/** A list, or the list that a text holds in YAML. */
export function listOf(values: Values, key: string): readonly unknown[] | undefined {
  if (typeof values.peek(key) !== 'string') return values.list(key);
  const text = values.text(key);
  if (text === undefined) return undefined;
  try {
    const list: unknown = parse(text);
    if (Array.isArray(list)) return list as unknown[];
    values.refuse(key, 'must hold a list in YAML');
  } catch (error) {
    values.refuse(
      key,
      `must hold a list in YAML: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''}`,
    );
  }
  return undefined;
}
