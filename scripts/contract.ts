/**
 * Writes the Python side of `constructs/contract.ts`: `contract.js FILE`. `scripts/wheel/build.sh` runs it, so the
 * wheel never disagrees with the runtime that it carries.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as contract from '../constructs/contract.js';

type Value = string | number;

/** A Python module with one constant per entry: strings and numbers as they are, objects of them as dicts. */
export function renderPython(constants: Readonly<Record<string, Value | Readonly<Record<string, Value>>>>): string {
  const lines = ['"""Generated from constructs/contract.ts by scripts/contract.ts."""', '', 'from typing import Final'];
  for (const [name, value] of Object.entries(constants)) {
    if (typeof value === 'object') {
      const entries = Object.entries(value).map(([key, entry]) => `    ${literal(key)}: ${literal(entry)},`);
      const type = Object.values(value).every((entry) => typeof entry === 'number') ? 'int' : 'str';
      lines.push('', `${name}: Final[dict[str, ${type}]] = {`, ...entries, '}');
    } else {
      lines.push('', `${name}: Final = ${literal(value)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** JSON's strings and numbers are Python's too. */
function literal(value: Value): string {
  return JSON.stringify(value);
}

function writeIfChanged(file: string, text: string): void {
  let old: string | undefined;
  try {
    old = readFileSync(file, 'utf8');
  } catch {
    mkdirSync(dirname(file), { recursive: true });
  }
  if (old !== text) {
    // In one step: tests may read it while a wheel is built.
    const next = `${file}.${process.pid}`;
    writeFileSync(next, text);
    renameSync(next, file);
  }
}

if (require.main === module) {
  const [file] = process.argv.slice(2);
  if (file === undefined) {
    throw new Error('usage: contract.js FILE');
  }
  writeIfChanged(file, renderPython(contract));
}
