import { ANY, CHART_KEYS, type Keys } from './chart-keys.js';
import { nearest } from './nearest.js';
import { isOff, reasonFor } from './not-offered.js';
import { isPlainMap, type Values } from './values.js';
import type { Path, ValuesFile } from './values-file.js';
import { pathText } from './values-file.js';

/** A key that no version of the chart knows. */
export function unknownKeys(file: ValuesFile, name: string): string[] {
  const errors: string[] = [];
  const visit = (value: unknown, keys: Keys, path: Path): void => {
    if (!isPlainMap(value)) return;
    for (const [key, below] of Object.entries(value)) {
      const here = [...path, key];
      const known = Object.hasOwn(keys, key) ? keys[key] : undefined;
      if (known === undefined) {
        const near = nearest(key, Object.keys(keys));
        const hint = near === undefined ? '' : `; did you mean '${pathText([...path, near])}'?`;
        errors.push(`${name}:${file.lineOf(here)}: ${pathText(here)}: the chart has no such key${hint}`);
      } else if (isKeys(known)) {
        if (below !== null && !isPlainMap(below))
          errors.push(`${name}:${file.lineOf(here)}: ${pathText(here)}: must be a map`);
        visit(below, known, here);
      }
    }
  };
  visit(file.root, CHART_KEYS, []);
  return errors;
}

/** Lists every given key that nothing has asked for, unless it says what is so anyway. */
export function listTheRest(file: ValuesFile, values: Values): void {
  const visit = (value: unknown, keys: Keys, path: readonly string[]): void => {
    if (!isPlainMap(value)) return;
    for (const [key, below] of Object.entries(value)) {
      const here = [...path, key];
      const known = keys[key];
      if (path.length === 0 && isOff(key, below)) continue;
      if (isKeys(known) && isPlainMap(below)) visit(below, known, here);
      // Of what is free in its form, a part may have been asked for.
      else if (isPlainMap(below) && !values.isTaken(here) && values.isOpened(here)) visit(below, {}, here);
      else if (!values.isTaken(here) && !isDefault(below, known)) values.remark(here.join('.'), reasonFor(here));
    }
  };
  visit(file.root, CHART_KEYS, []);
}

function isKeys(known: Keys[string] | undefined): known is Keys {
  return typeof known === 'object' && known !== null;
}

/** Null is how a user takes a default back; what is empty says nothing. */
function isDefault(value: unknown, known: Keys[string] | undefined): boolean {
  if (value === null || value === '') return true;
  if (typeof value === 'object') return Object.keys(value).length === 0;
  return known !== ANY && JSON.stringify(value) === JSON.stringify(known);
}
