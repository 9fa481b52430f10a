import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { format } from 'prettier';
import type { Facts } from '../facts.js';
import type { Figure } from '../samples.js';
import { STYLE } from './document.js';

/** What bench/results.json holds. */
export interface Results {
  readonly facts: Facts;
  readonly rounds: number;
  readonly figures: readonly Figure[];
}

/** Writes the results; numbers are kept to four significant digits. */
export async function writeResults(path: string, { facts, rounds, figures }: Results): Promise<void> {
  const short = figures.map(({ figure, contender, size, median, values }) => ({
    figure,
    contender,
    size,
    median: significant(median),
    values: values.map(significant),
  }));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, await format(JSON.stringify({ facts, rounds, figures: short }), { ...STYLE, parser: 'json' }));
}

function significant(value: number): number {
  return Number(value.toPrecision(4));
}
