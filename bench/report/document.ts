import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { format } from 'prettier';
import type { Results } from './results.js';
import { renderMarkdown } from './table.js';

/** As .prettierrc.json has it, so that what is written passes the lint. */
export const STYLE = { printWidth: 120, singleQuote: true } as const;

const BEGIN = '<!-- figures: written by npm run bench -->';
const END = '<!-- end of figures -->';

/**
 * Puts facts, table and plots between the document's two markers.
 * @param plots files, which the document finds in images/ beside it
 * @throws Error when the document lacks the markers
 */
export async function updateDocument(path: string, results: Results, plots: readonly string[]): Promise<void> {
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, await format(insert(text, section(results, plots)), { ...STYLE, parser: 'markdown' }));
}

/** Replaces what stands between the markers; pure. */
export function insert(text: string, part: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error(`the document has no '${BEGIN}' followed by '${END}'`);
  }
  return `${text.slice(0, begin + BEGIN.length)}\n\n${part}\n\n${text.slice(end)}`;
}

function section({ facts, rounds, figures }: Results, plots: readonly string[]): string {
  const { date, cpu, cores, memoryGb, kubernetes, node, airflow, stockProvider, loadBefore } = facts;
  return [
    `Taken on ${date}: ${cores} cores (${cpu}), ${memoryGb} GiB, Kubernetes ${kubernetes}, Node ${node}, Airflow ` +
      `${airflow}, apache-airflow-providers-cncf-kubernetes ${stockProvider}; load ${loadBefore} before the run; ` +
      `medians of ${rounds}, of synthesis and of operators 5, of the stock executor in an outage and after a kill, ` +
      'of 100,000 lines and of deferred pods 1.',
    ...plots.map((plot) => `![${basename(plot, '.svg').replaceAll('-', ' ')}](images/${basename(plot)})`),
    renderMarkdown(figures),
  ].join('\n\n');
}
