import { FIGURES, type Figure } from '../samples.js';

const HEADERS = ['figure', 'size', 'who', 'median', 'min to max', 'to stock', 'to the limit'];

/** A plain table of all figures, each beside the same figure of the stock executor and of the bare limit. */
export function renderTable(figures: readonly Figure[]): string {
  const rows = rowsOf(figures);
  const widths = HEADERS.map((header, column) =>
    Math.max(header.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(HEADERS), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** The same table in Markdown. */
export function renderMarkdown(figures: readonly Figure[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [HEADERS, HEADERS.map(() => '---'), ...rowsOf(figures)].map(line).join('\n');
}

function rowsOf(figures: readonly Figure[]): string[][] {
  return figures.map((one) => {
    const { title, digits } = FIGURES[one.figure];
    return [
      title,
      one.size === 0 ? '' : String(one.size),
      one.contender,
      one.median.toFixed(digits),
      `${one.min.toFixed(digits)} to ${one.max.toFixed(digits)}`,
      ratioTo(figures, one, 'stock'),
      ratioTo(figures, one, 'bare'),
    ];
  });
}

function ratioTo(figures: readonly Figure[], one: Figure, contender: 'stock' | 'bare'): string {
  const other = figures.find(
    ({ figure, size, contender: who }) => figure === one.figure && size === one.size && who === contender,
  );
  if (other === undefined || other === one || other.median === 0) {
    return '';
  }
  const ratio = one.median / other.median;
  return `${ratio.toFixed(ratio < 0.1 ? 3 : 2)} x`;
}
