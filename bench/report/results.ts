import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Facts } from '../facts.js';
import type { Figure } from '../samples.js';

/** What bench/results.json holds. */
export interface Results {
  readonly facts: Facts;
  readonly rounds: number;
  readonly figures: readonly Figure[];
}

/** Writes the results; numbers are kept to four significant digits. */
export function writeResults(path: string, results: Results): void {
  mkdirSync(dirname(path), { recursive: true });
  const { facts, rounds, figures } = results;
  const short = figures.map((one) => ({
    figure: one.figure,
    contender: one.contender,
    size: one.size,
    median: significant(one.median),
    values: one.values.map(significant),
  }));
  const lines = short.map((figure) => `    ${JSON.stringify(figure)}`).join(',\n');
  const head = JSON.stringify({ facts, rounds }, null, 2).slice(0, -2);
  writeFileSync(path, `${head},\n  "figures": [\n${lines}\n  ]\n}\n`);
}

function significant(value: number): number {
  return Number(value.toPrecision(4));
}
