import type { Remark } from './problems.js';

/** The list for people, a line each; empty when everything is carried over. */
export function remarkLines(remarks: readonly Remark[], file: string): string[] {
  if (remarks.length === 0) return [];
  return [
    `Not carried over from ${file}, or to be done:`,
    ...remarks.map(({ key, line, reason }) => `- ${key}${line > 0 ? ` (line ${line})` : ''}: ${reason}`),
  ];
}
