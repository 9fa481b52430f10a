import { insert } from '../../../bench/report/document.js';
import { merge } from '../../../bench/report/results.js';
import { renderMarkdown, renderTable } from '../../../bench/report/table.js';
import { aggregate } from '../../../bench/samples.js';

const figures = aggregate([
  { figure: 'createdPerSecond', contender: 'bare', size: 500, value: 400 },
  { figure: 'createdPerSecond', contender: 'executor', size: 500, value: 300 },
  { figure: 'createdPerSecond', contender: 'executor', size: 500, value: 340 },
  { figure: 'createdPerSecond', contender: 'stock', size: 500, value: 32 },
  { figure: 'synthSeconds', contender: 'app', size: 0, value: 0.123 },
]);

describe('the report', () => {
  test('shows the median, its spread, and the ratios to the stock executor and to the limit', () => {
    const row = renderTable(figures)
      .split('\n')
      .find((line) => line.includes('executor'));

    expect(row?.split(/ {2,}/)).toEqual([
      'pods created a second',
      '500',
      'executor',
      '320',
      '300 to 340',
      '10.00 x',
      '0.80 x',
    ]);
  });

  test('has no ratio where there is nothing to compare with', () => {
    expect(renderMarkdown(figures)).toContain(
      '| synthesis of the default stack, s |  | app | 0.12 | 0.12 to 0.12 |  |  |',
    );
  });

  test('keeps what a run did not take', () => {
    const now = aggregate([{ figure: 'createdPerSecond', contender: 'stock', size: 500, value: 30 }]);
    const merged = merge(figures, now);
    expect(merged).toHaveLength(figures.length);
    expect(merged.filter(({ contender }) => contender === 'stock')).toEqual(now);
  });

  test('replaces the figures of an earlier run', () => {
    const begin = '<!-- figures: written by npm run bench -->';
    const end = '<!-- end of figures -->';

    expect(insert(`a ${begin} old ${end} z`, 'new')).toBe(`a ${begin}\n\nnew\n\n${end} z`);
    expect(() => insert('nothing', 'new')).toThrow('the document has no');
  });
});
