import type { TopLevelSpec } from 'vega-lite';
import type { Contender, Figure, FigureName } from '../samples.js';

const WHO: Partial<Record<Contender, string>> = { stock: 'stock KubernetesPodOperator', operator: 'PodOperator' };
const MODES: readonly (readonly [FigureName, string])[] = [
  ['podTaskSeconds', 'attached'],
  ['deferredTaskSeconds', 'deferrable'],
];

/** A pod of 3 s as a task, by both operators; null where there are no figures. */
export function operatorPlot(figures: readonly Figure[]): TopLevelSpec | null {
  const values = MODES.flatMap(([figure, mode]) =>
    figures
      .filter((one) => one.figure === figure && WHO[one.contender] !== undefined)
      .map(({ contender, median, min, max }) => ({
        ...{ mode, who: WHO[contender], median, min, max, label: median.toFixed(1) },
      })),
  );
  if (values.length === 0) {
    return null;
  }
  const x = { field: 'who', type: 'nominal', axis: null, sort: null } as const;
  const y = { type: 'quantitative', stack: null } as const;
  const scale = { domain: Object.values(WHO), range: ['#9a9a9a', '#1f6feb'] };
  const color = { field: 'who', type: 'nominal', scale, title: null, legend: { labelLimit: 0 } } as const;
  const title = 'a pod of 3 s as a task, start to end, s';
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    data: { values },
    background: 'white',
    facet: { column: { field: 'mode', type: 'nominal', title: null } },
    spec: {
      width: 190,
      height: 220,
      layer: [
        { mark: 'bar', encoding: { x, y: { field: 'median', ...y, title }, color } },
        { mark: 'rule', encoding: { x, y: { field: 'min', ...y }, y2: { field: 'max' } } },
        {
          mark: { type: 'text', dy: -7, fontSize: 11 },
          encoding: { x, y: { field: 'max', ...y }, text: { field: 'label' } },
        },
      ],
    },
  };
}
