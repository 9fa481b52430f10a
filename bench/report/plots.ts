import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TopLevelSpec } from 'vega-lite';
import type { Contender, Figure, FigureName } from '../samples.js';
import { operatorPlot } from './operator-plot.js';

/** Names in the plots, in their order and colour. */
const SERIES: Partial<Record<Contender, { name: string; colour: string }>> = {
  stock: { name: 'stock KubernetesExecutor', colour: '#9a9a9a' },
  executor: { name: 'PodLauncherExecutor', colour: '#1f6feb' },
  launcher: { name: 'launcher', colour: '#79b8ff' },
  bare: { name: 'bare HTTP/2 (limit)', colour: '#2da44e' },
};

/** Draws the plots of the docs as SVG files; those for which there are no figures are left out. */
export async function drawPlots(folder: string, figures: readonly Figure[]): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const plots: readonly [string, TopLevelSpec | null][] = [
    ['pods-created.svg', bars(figures, 'createdPerSecond', 'pods created a second', 'linear')],
    ['time-to-created.svg', timeToCreated(figures)],
    ['fan-out.svg', bars(figures, 'fanOutSeconds', '60 no-op tasks on the real node, s', 'linear')],
    ['operators.svg', operatorPlot(figures)],
    ['heartbeat.svg', bars(figures, 'heartbeatP99Ms', 'heartbeat() p99, ms (log)', 'log')],
  ];
  const written: string[] = [];
  for (const [name, spec] of plots) {
    if (spec !== null) {
      const file = join(folder, name);
      writeFileSync(file, `${await renderSvg(spec)}\n`);
      written.push(file);
    }
  }
  return written;
}

async function renderSvg(spec: TopLevelSpec): Promise<string> {
  // These packages are ES modules with a top-level await.
  const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  return new vega.View(vega.parse(compile(spec).spec), { renderer: 'none' }).toSVG();
}

function bars(
  figures: readonly Figure[],
  figure: FigureName,
  title: string,
  scale: 'linear' | 'log',
): TopLevelSpec | null {
  const values = pointsOf(figures, figure);
  if (values.length === 0) {
    return null;
  }
  // A logarithmic axis has no zero to stand on.
  const from = scale === 'log' ? 1 : 0;
  const y = { type: 'quantitative', stack: null, scale: { type: scale, domainMin: from } } as const;
  const x = { field: 'who', type: 'nominal', axis: null, sort: null } as const;
  return {
    ...frame(values),
    facet: { column: { field: 'size', type: 'ordinal', title: 'workloads' } },
    spec: {
      width: 190,
      height: 220,
      layer: [
        {
          mark: 'bar',
          encoding: { x, y: { field: 'median', ...y, title }, y2: { datum: from }, color: colour(values) },
        },
        { mark: 'rule', encoding: { x, y: { field: 'min', ...y }, y2: { field: 'max' } } },
        {
          mark: { type: 'text', dy: -7, fontSize: 11 },
          encoding: { x, y: { field: 'max', ...y }, text: { field: 'label' } },
        },
      ],
    },
  };
}

/** How the time for all creates grows with their number. */
function timeToCreated(figures: readonly Figure[]): TopLevelSpec | null {
  const values = pointsOf(figures, 'createdPerSecond').map((point) => ({
    ...point,
    seconds: point.size / point.median,
  }));
  if (new Set(values.map(({ size }) => size)).size < 2) {
    return null;
  }
  const axis = { grid: false, format: '~g' };
  return {
    ...frame(values),
    width: 420,
    height: 240,
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'size', type: 'quantitative', scale: { type: 'log', nice: false }, title: 'workloads (log)', axis },
      y: {
        field: 'seconds',
        type: 'quantitative',
        scale: { type: 'log' },
        title: 's until all pods exist (log)',
        axis,
      },
      color: colour(values),
    },
  };
}

interface Point extends Record<string, unknown> {
  readonly who: string;
  readonly size: number;
  readonly median: number;
}

function pointsOf(figures: readonly Figure[], figure: FigureName): Point[] {
  const order = Object.keys(SERIES);
  return figures
    .filter((one) => one.figure === figure && SERIES[one.contender] !== undefined)
    .sort((a, b) => order.indexOf(a.contender) - order.indexOf(b.contender))
    .map(({ contender, size, median, min, max }) => {
      const label = median < 10 ? median.toFixed(1) : median.toFixed(0);
      return { who: SERIES[contender]?.name ?? contender, size, median, min, max, label };
    });
}

function colour(points: readonly Point[]): {
  field: string;
  type: 'nominal';
  scale: object;
  title: null;
  legend: object;
} {
  const present = Object.values(SERIES).filter(({ name }) => points.some(({ who }) => who === name));
  const scale = { domain: present.map(({ name }) => name), range: present.map(({ colour: of }) => of) };
  return { field: 'who', type: 'nominal', scale, title: null, legend: { labelLimit: 0 } };
}

function frame(values: readonly Point[]): { $schema: string; data: { values: Point[] }; background: string } {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    data: { values: [...values] },
    background: 'white',
  };
}
