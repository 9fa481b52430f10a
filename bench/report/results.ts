import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { format } from 'prettier';
import type { Facts } from '../facts.js';
import type { Figure } from '../samples.js';
import { summarize } from '../statistics.js';
import { STYLE } from './document.js';

/** What bench/results.json holds. */
export interface Results {
  readonly facts: Facts;
  readonly rounds: number;
  readonly figures: readonly Figure[];
}

/** The figures of a results file; none when there is no such file. */
export function earlierFigures(path: string): Figure[] {
  if (!existsSync(path)) {
    return [];
  }
  const { figures } = JSON.parse(readFileSync(path, 'utf8')) as Results;
  return figures.map(({ figure, contender, size, values }) => ({
    ...{ figure, contender, size },
    ...summarize(values),
    values,
  }));
}

/** The earlier figures, but for those that were taken anew, and the new ones; pure. */
export function merge(earlier: readonly Figure[], now: readonly Figure[]): Figure[] {
  const name = ({ figure, contender, size }: Figure): string => `${figure} ${contender} ${size}`;
  const taken = new Set(now.map(name));
  return [...earlier.filter((one) => !taken.has(name(one))), ...now];
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
