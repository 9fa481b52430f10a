import { Executor } from '../../constructs/index.js';
import type { BenchContext } from '../context.js';
import type { StackName, StackScenarioName } from '../options.js';
import { AirflowStack } from '../stack/airflow-stack.js';
import { fanOut, idle, oneTask, outage, quota, schedulerKilled, type StackScenario } from './stack.js';

const SCENARIOS: Readonly<Record<StackScenarioName, StackScenario>> = {
  idle,
  'one-task': oneTask,
  'fan-out': fanOut,
  quota,
  outage,
  'scheduler-killed': schedulerKilled,
};

const EXECUTORS: Readonly<Record<StackName, () => Executor>> = {
  stock: () => Executor.stockKubernetes(),
  executor: () => Executor.kubernetes(),
  standby: () => Executor.kubernetes({ standby: { pods: 2 } }),
};

/** What takes the stock executor minutes and is only the background of our own figure is taken once of it. */
const ONCE_OF_STOCK: readonly StackScenarioName[] = ['outage', 'scheduler-killed'];

/** All that standby pods are for. */
const OF_STANDBY: readonly StackScenarioName[] = ['one-task'];

export interface StacksOptions {
  readonly rounds: number;
  readonly stacks: readonly StackName[];
  readonly only: readonly StackScenarioName[];
  /** Runs one measurement; one that fails must not take the others with it. */
  readonly attempt: (what: string, run: () => Promise<void>) => Promise<void>;
}

/**
 * A whole Airflow with the stock executor on the real node, then one with ours, and all that was asked for with each,
 * in so many rounds. While the stock executor leaves tasks stuck, which nothing disturbs, the other stack comes up and
 * is measured at rest.
 */
export async function runStacks(context: BenchContext, options: StacksOptions): Promise<void> {
  try {
    await AirflowStack.loadImages();
    await runInTurn(context, options);
  } finally {
    await AirflowStack.abandonAll();
  }
}

async function runInTurn(context: BenchContext, options: StacksOptions): Promise<void> {
  let stuck: (() => Promise<void>) | undefined;
  const stacks = options.stacks.filter(
    (name) => name !== 'standby' || options.only.some((one) => OF_STANDBY.includes(one)),
  );
  for (const name of stacks) {
    await options.attempt(`the ${name} stack`, async () => {
      const stack = await AirflowStack.deploy(name, EXECUTORS[name]());
      const later = name === 'stock' && stacks.length > 1 && options.only.includes('scheduler-killed');
      const early = options.only.filter((one) => one === 'idle');
      await run(context, stack, options, early);
      await stuck?.();
      stuck = undefined;
      const rest = options.only.filter((one) => one !== 'idle' && !(later && one === 'scheduler-killed'));
      await run(context, stack, options, rest);
      if (later) {
        const killed = run(context, stack, options, ['scheduler-killed']);
        stuck = () => killed.finally(() => stack.delete());
      } else {
        await stack.delete();
      }
    });
  }
  await stuck?.();
}

async function run(
  context: BenchContext,
  stack: AirflowStack,
  options: StacksOptions,
  only: readonly StackScenarioName[],
): Promise<void> {
  for (const name of stack.contender === 'standby' ? only.filter((one) => OF_STANDBY.includes(one)) : only) {
    const rounds = stack.contender === 'stock' && ONCE_OF_STOCK.includes(name) ? 1 : options.rounds;
    for (let round = 1; round <= rounds; round += 1) {
      await options.attempt(`${name} of ${stack.contender}`, () => SCENARIOS[name](context, stack));
    }
  }
}
