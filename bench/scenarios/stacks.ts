import { Executor } from '../../constructs/index.js';
import type { BenchContext } from '../context.js';
import { AirflowStack } from '../stack/airflow-stack.js';
import { fanOut, idle, oneTask, outage, quota, schedulerKilled, type StackScenario } from './stack.js';

export const STACK_SCENARIOS = {
  idle,
  'one-task': oneTask,
  'fan-out': fanOut,
  quota,
  outage,
  'scheduler-killed': schedulerKilled,
} as const satisfies Record<string, StackScenario>;
export type StackScenarioName = keyof typeof STACK_SCENARIOS;

/** What takes the stock executor minutes and is only the background of our own figure is taken once of it. */
const ONCE_OF_STOCK: readonly StackScenarioName[] = ['outage', 'scheduler-killed'];

/**
 * A whole Airflow with the stock executor on the real node, then one with ours, and all that was asked for with each,
 * in so many rounds. While the stock executor leaves tasks stuck, which nothing disturbs, the other stack comes up.
 */
export async function runStacks(
  context: BenchContext,
  rounds: number,
  only: readonly StackScenarioName[],
): Promise<void> {
  await AirflowStack.loadImages();
  const stock = await AirflowStack.deploy('stock', Executor.stockKubernetes());
  await run(
    context,
    stock,
    rounds,
    only.filter((name) => name !== 'scheduler-killed'),
  );
  const stuck = only.includes('scheduler-killed') ? settled(schedulerKilled(context, stock)) : undefined;
  const ours = await AirflowStack.deploy('executor', Executor.kubernetes());
  if (only.includes('idle')) {
    await repeat(rounds, () => idle(context, ours));
  }
  await stuck?.();
  await stock.delete();
  await run(
    context,
    ours,
    rounds,
    only.filter((name) => name !== 'idle'),
  );
  await ours.delete();
}

async function run(
  context: BenchContext,
  stack: AirflowStack,
  rounds: number,
  only: readonly StackScenarioName[],
): Promise<void> {
  for (const name of only) {
    const once = stack.contender === 'stock' && ONCE_OF_STOCK.includes(name);
    await repeat(once ? 1 : rounds, () => STACK_SCENARIOS[name](context, stack));
  }
}

async function repeat(times: number, run: () => Promise<void>): Promise<void> {
  for (let time = 1; time <= times; time += 1) {
    await run();
  }
}

/** Lets work go on in the background; @returns what waits for it and throws its error. */
function settled(work: Promise<void>): () => Promise<void> {
  const caught = work.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  return async () => {
    const failure = await caught;
    if (failure !== undefined) {
      throw failure.error;
    }
  };
}
