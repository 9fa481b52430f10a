import yargs from 'yargs';

export const KWOK_SCENARIOS = ['create', 'settle', 'hold'] as const;
/** On whole Airflows on the real node. */
export const STACK_SCENARIOS = ['idle', 'one-task', 'fan-out', 'quota', 'outage', 'scheduler-killed'] as const;
export type StackScenarioName = (typeof STACK_SCENARIOS)[number];
/** Whose stacks there are, in the order in which they are measured. */
export const STACKS = ['stock', 'executor', 'standby'] as const;
export type StackName = (typeof STACKS)[number];
/** Operators in a standalone Airflow; `deferred`: a thousand pods of one triggerer, on kwok nodes. */
export const OPERATOR_SCENARIOS = ['operators', 'deferred'] as const;
export const SCENARIOS = [...KWOK_SCENARIOS, 'synth', ...STACK_SCENARIOS, ...OPERATOR_SCENARIOS] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** Those of the scenarios that need a whole Airflow on the real node. */
export function stackScenarios(only: readonly Scenario[]): StackScenarioName[] {
  return STACK_SCENARIOS.filter((name) => only.includes(name));
}

export interface BenchOptions {
  readonly python: string;
  readonly rounds: number;
  /** Pods to create. */
  readonly sizes: readonly number[];
  /** The executors create up to so many; beyond that only the launcher and the bare limit take part. */
  readonly executorsUpTo: number;
  /** Pods that this project's executor settles. */
  readonly settle: number;
  /** Pods that the stock executor settles: one after the other, so a small number shows its rate. */
  readonly stockSettle: number;
  /** Pods that the launcher keeps track of in `hold`. */
  readonly alive: number;
  /** Repetitions of each operator's task: they are short, and the scheduler's loop adds a second to any of them. */
  readonly operatorRounds: number;
  /** Deferred pods of one triggerer. */
  readonly deferred: number;
  /** Whole Airflows on the real node. */
  readonly stacks: readonly StackName[];
  readonly only: readonly Scenario[];
  /** Keep the figures of the output that this run does not take. */
  readonly add: boolean;
  readonly output: string;
  readonly images: string;
  /** Document that gets the figures; null: none. */
  readonly document: string | null;
}

const EXECUTORS_UP_TO = 5000;
const QUICK = { rounds: 1, sizes: '100', settle: 100, stockSettle: 50, alive: 200, operatorRounds: 1, deferred: 50 };
const FULL = {
  rounds: 3,
  sizes: '500,5000,20000',
  settle: 5000,
  stockSettle: 500,
  alive: 10_000,
  operatorRounds: 5,
  deferred: 1000,
};

/** @throws Error, by yargs, with the usage, for arguments it does not know or values that are none */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const parsed = yargs(argv)
    .scriptName('npm run bench --')
    .usage('$0 [options]\n\nMeasures the launcher, the stock executor and the API server itself, in turn.')
    .option('rounds', { type: 'number', describe: 'repetitions; figures are medians (default 3, quick 1)' })
    .option('sizes', {
      type: 'string',
      describe: 'pods to create, comma-separated (default 500,5000,20000; quick 100)',
    })
    .option('settle', { type: 'number', describe: 'pods that our executor settles (default 5000, quick 100)' })
    .option('alive', { type: 'number', describe: 'pods kept alive (default 10000, quick 200)' })
    .option('only', { type: 'string', describe: `some of ${SCENARIOS.join(',')}` })
    .option('stacks', { type: 'string', describe: `some of ${STACKS.join(',')}` })
    .option('quick', { type: 'boolean', default: false, describe: 'one small round, to see that all works' })
    .option('save', {
      type: 'boolean',
      describe:
        'write bench/results.json, docs/performance.md and its plots; default: only after a full run, else dist/bench',
    })
    .option('add', {
      type: 'boolean',
      default: false,
      describe: 'keep the figures in the results file that this run does not take: a long run in parts',
    })
    .option('python', { type: 'string', demandOption: true, hidden: true })
    .strict()
    .version(false)
    .parseSync();
  const defaults = parsed.quick ? QUICK : FULL;
  const whole = !parsed.quick && parsed.only === undefined && parsed.sizes === undefined && parsed.rounds === undefined;
  const save = parsed.save ?? whole;
  return {
    python: parsed.python,
    rounds: positive('--rounds', String(parsed.rounds ?? defaults.rounds)),
    sizes: list('--sizes', parsed.sizes ?? defaults.sizes),
    executorsUpTo: EXECUTORS_UP_TO,
    settle: positive('--settle', String(parsed.settle ?? defaults.settle)),
    stockSettle: defaults.stockSettle,
    alive: positive('--alive', String(parsed.alive ?? defaults.alive)),
    operatorRounds: positive('--rounds', String(parsed.rounds ?? defaults.operatorRounds)),
    deferred: defaults.deferred,
    stacks: chosen('--stacks', parsed.stacks, STACKS),
    only: chosen('--only', parsed.only, SCENARIOS),
    add: parsed.add,
    output: save ? 'bench/results.json' : 'dist/bench/results.json',
    images: save ? 'docs/images' : 'dist/bench/images',
    document: save ? 'docs/performance.md' : null,
  };
}

function list(option: string, text: string): number[] {
  return text.split(',').map((part) => positive(option, part));
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`${option}: '${text}' is not a whole number of at least 1`);
  }
  return value;
}

function chosen<Name extends string>(
  option: string,
  text: string | undefined,
  names: readonly Name[],
): readonly Name[] {
  if (text === undefined) {
    return names;
  }
  return text.split(',').map((part) => {
    const found = names.find((name) => name === part);
    if (found === undefined) {
      throw new Error(`${option}: '${part}' is none of ${names.join(', ')}`);
    }
    return found;
  });
}
