import { loadavg } from 'node:os';
import { kubeconfigPath } from '../test/integration/support/cluster.js';
import { AuditLog } from './cluster/audit-log.js';
import { BenchNamespace } from './cluster/namespace.js';
import { AirflowHome } from './contenders/airflow-home.js';
import { killChildren } from './contenders/children.js';
import type { BenchContext } from './context.js';
import { gatherFacts } from './facts.js';
import {
  type BenchOptions,
  KWOK_SCENARIOS,
  OPERATOR_SCENARIOS,
  parseOptions,
  type Scenario,
  stackScenarios,
} from './options.js';
import { updateDocument } from './report/document.js';
import { drawPlots } from './report/plots.js';
import { earlierFigures, merge, writeResults } from './report/results.js';
import { renderTable } from './report/table.js';
import { aggregate, FIGURES, type Sample } from './samples.js';
import { createBare } from './scenarios/create-bare.js';
import { createOurs, createStock } from './scenarios/create-executor.js';
import { createLauncher } from './scenarios/create-launcher.js';
import { holdLauncher } from './scenarios/hold-launcher.js';
import { settleOurs, settleStock } from './scenarios/settle.js';
import { deferredPods } from './scenarios/deferred.js';
import { operators } from './scenarios/operators.js';
import { runStacks } from './scenarios/stacks.js';
import { AirflowStack } from './stack/airflow-stack.js';
import { synth } from './scenarios/synth.js';

const BUSY_LOAD = 1;

type Attempt = (what: string, run: () => Promise<void>) => Promise<void>;

/** One round: all contenders in turn, so that what disturbs the machine meanwhile disturbs them alike. */
async function round(options: BenchOptions, context: BenchContext, attempt: Attempt): Promise<void> {
  const { only, sizes, executorsUpTo, settle, stockSettle, alive } = options;
  for (const size of only.includes('create') ? sizes : []) {
    await attempt(`bare, ${size}`, () => createBare(context, size));
    await attempt(`launcher, ${size}`, () => createLauncher(context, size));
    if (size <= executorsUpTo) {
      await attempt(`executor, ${size}`, () => createOurs(context, size));
      await attempt(`stock, ${size}`, () => createStock(context, size));
    }
  }
  if (only.includes('settle')) {
    await attempt('settle of executor', () => settleOurs(context, settle));
    await attempt('settle of stock', () => settleStock(context, stockSettle));
  }
  if (only.includes('hold')) {
    await attempt('hold', () => holdLauncher(context, alive));
  }
}

async function bench(options: BenchOptions): Promise<void> {
  const kubeconfig = kubeconfigPath();
  const [node = ''] = await BenchNamespace.kwokNodes(kubeconfig);
  const audit = await AuditLog.besides(kubeconfig);
  const facts = await gatherFacts(kubeconfig);
  if (facts.loadBefore > BUSY_LOAD) {
    say(`the machine is busy (load ${facts.loadBefore}): these figures will not be its best`);
  }
  let failures = 0;
  const attempt: Attempt = async (what, run) => {
    try {
      await run();
    } catch (error) {
      failures += 1;
      say(`${what} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  };
  const earlier = options.add ? earlierFigures(options.output) : [];
  const samples: Sample[] = [];
  const record = (sample: Sample): void => {
    samples.push(sample);
    const { title, digits } = FIGURES[sample.figure];
    const of = sample.size === 0 ? sample.contender : `${sample.contender}, ${sample.size}`;
    say(`${title} (${of}): ${sample.value.toFixed(digits)}`);
  };
  const airflow = new AirflowHome(options.python);
  const migrated: readonly Scenario[] = ['create', 'settle', ...OPERATOR_SCENARIOS];
  if (migrated.some((name) => options.only.includes(name))) {
    await airflow.migrate();
  }
  const context: BenchContext = { kubeconfig, audit, airflow, node, record };
  const onKwok = KWOK_SCENARIOS.some((name) => options.only.includes(name));
  for (let number = 1; onKwok && number <= options.rounds; number += 1) {
    say(`round ${number} of ${options.rounds}, load ${(loadavg()[0] ?? 0).toFixed(2)}`);
    await round(options, context, attempt);
  }
  const stacks = stackScenarios(options.only);
  if (stacks.length > 0) {
    const { rounds, stacks: names } = options;
    await runStacks(context, { rounds, stacks: names, only: stacks, attempt });
  }
  if (options.only.includes('operators')) {
    await attempt('operators', () => operators(context, { rounds: options.operatorRounds, attempt }));
  }
  if (options.only.includes('deferred')) {
    await attempt('deferred pods', () => deferredPods(context, options.deferred));
  }
  if (options.only.includes('synth')) {
    await synth(record);
  }
  const figures = merge(earlier, aggregate(samples));
  process.stdout.write(`\n${renderTable(figures)}\n\n`);
  const results = { facts, rounds: options.rounds, figures };
  await writeResults(options.output, results);
  const plots = await drawPlots(options.images, figures);
  const documents = options.document === null ? [] : [options.document];
  for (const document of documents) {
    await updateDocument(document, results, plots);
  }
  if (failures > 0) {
    process.exitCode = 1;
    say(`${failures} measurements failed: the figures lack them`);
  }
  say(`wrote ${[options.output, ...plots, ...documents].join(', ')}`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    killChildren();
    void Promise.all([BenchNamespace.abandonAll(), AirflowStack.abandonAll()]).finally(() => process.exit(1));
  });
}
process.once('exit', killChildren);

bench(parseOptions(process.argv.slice(2))).then(
  // Connections of the Kubernetes client may linger.
  () => process.exit(),
  (error: unknown) => {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exit(1);
  },
);
