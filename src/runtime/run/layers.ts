import { parse } from 'yaml';
import { ConfigError } from '../config/errors.js';
import { isPlainObject } from '../pods/merge.js';
import type { RunLayer } from './request.js';
import { lineOf, stepsOf } from './yaml-lines.js';

/** A manifest, or a part of one, as plain JSON. */
export type Fields = Record<string, unknown>;

/** What a layer may hold. */
export interface LayerKind {
  readonly kind: string;
  readonly apiVersion: string;
}

/**
 * Reads one layer of a request.
 * @throws ConfigError with its source, line and field
 */
export function readLayer(layer: RunLayer, { kind, apiVersion }: LayerKind): Fields {
  let manifest: unknown;
  try {
    manifest = 'yaml' in layer ? parse(layer.yaml) : layer.manifest;
  } catch (error) {
    // The parser's message has line and column.
    return fail(layer.source, '', `is not YAML: ${(error as Error).message}`);
  }
  if (!isPlainObject(manifest)) {
    return fail(layer.source, '', `must hold one ${kind}`);
  }
  for (const [field, wanted] of Object.entries({ apiVersion, kind })) {
    const value = manifest[field];
    if (value !== undefined && value !== wanted) {
      failIn([layer], field, `(${JSON.stringify(value)}) must be ${wanted}`);
    }
  }
  for (const field of ['metadata', 'spec']) {
    if (manifest[field] !== undefined && manifest[field] !== null && !isPlainObject(manifest[field])) {
      failIn([layer], field, 'must be an object');
    }
  }
  return manifest;
}

/** The names of a list of containers. */
export function names(containers: unknown): string[] {
  return Array.isArray(containers) ? containers.map((one: unknown) => text(fields(one).name) ?? '') : [];
}

export function fields(value: unknown): Fields {
  return isPlainObject(value) ? value : {};
}

/** null: it is none, or empty. */
export function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** @throws ConfigError */
export function fail(file: string, field: string, message: string): never {
  throw new ConfigError([{ file, field, message }]);
}

/** Fails with the last layer that says something of the field, and the line where it does. @throws ConfigError */
export function failIn(layers: readonly RunLayer[], field: string, message: string): never {
  return fail(placeOf(layers, field), field, message);
}

/**
 * `job.yaml, line 12`: where a field comes from, or else what it would stand in; without a line for what is no YAML.
 */
export function placeOf(layers: readonly RunLayer[], field: string): string {
  const latest = [...layers].reverse();
  for (let steps = stepsOf(field); steps.length > 0; steps = steps.slice(0, -1)) {
    for (const layer of latest) {
      const line = 'yaml' in layer ? lineOf(layer.yaml, steps) : null;
      if (line !== null) {
        return `${layer.source}, line ${line}`;
      }
      if ('manifest' in layer && holds(layer.manifest, steps)) {
        return layer.source;
      }
    }
  }
  return latest[0]?.source ?? 'request';
}

function holds(value: unknown, [step, ...rest]: readonly string[]): boolean {
  if (step === undefined) {
    return true;
  }
  const child: unknown = Array.isArray(value)
    ? (value[Number(step)] ?? value.find((one) => fields(one).name === step))
    : fields(value)[step];
  return child !== undefined && holds(child, rest);
}

/** Metadata that must be text: YAML makes `1` a number. @throws ConfigError */
export function textValues(value: unknown, layers: readonly RunLayer[], field: string): Record<string, string> {
  const entries = Object.entries(fields(value));
  for (const [key, one] of entries) {
    if (typeof one !== 'string') {
      failIn(layers, `${field}.${key}`, `(${JSON.stringify(one)}) must be text`);
    }
  }
  return Object.fromEntries(entries) as Record<string, string>;
}
