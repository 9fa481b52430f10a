import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { type BenchContext, inNamespace } from '../context.js';
import { type Account, createAccount } from '../operators/account.js';
import { logRequests } from '../operators/log-requests.js';
import { installedPackage } from '../operators/package.js';
import { PeakMeter } from '../operators/processes.js';
import { StandaloneAirflow } from '../operators/standalone.js';
import type { Contender, FigureName } from '../samples.js';
import { scratchFolder } from '../scratch.js';
import { PodWatch } from '../stack/pod-watch.js';

const LINES = 100_000;
const PODS_GONE_MS = 5000;
const IMPORTS = 5;
const MODULES = {
  stock: 'airflow.providers.cncf.kubernetes.operators.pod',
  operator: 'airflow_pod_launcher.operators.pod',
} as const;

/** Whose operators there are, and the names of their DAGs. */
const WHO = [
  ['stock', 'stock'],
  ['operator', 'ours'],
] as const satisfies readonly (readonly [Contender, string])[];

/** What a task's processes used, as its DAG has noted it. */
interface Use {
  readonly task: string;
  readonly cpuSeconds: number;
  readonly processMb: number;
}

interface Measured {
  readonly seconds: number;
  readonly endToSuccess: number;
  readonly requests: number | null;
  readonly cpuSeconds: number;
  readonly processMb: number;
  readonly childMb: number;
}

export interface OperatorsOptions {
  readonly rounds: number;
  readonly attempt: (what: string, run: () => Promise<void>) => Promise<void>;
}

/** The stock operator and ours, in turn, in one whole Airflow with pods on the real node. */
export async function operators(context: BenchContext, options: OperatorsOptions): Promise<void> {
  const packages = await installedPackage(context.airflow.python);
  await importTimes(context, packages);
  await inNamespace(context, 'operators', 1, async (own) => {
    const namespace = own.name;
    const account = await createAccount(own);
    const use = join(scratchFolder('use'), 'use.jsonl');
    const env = { BENCH_NAMESPACE: namespace, BENCH_KUBECONFIG: account.kubeconfig, BENCH_USE: use };
    const airflow = await StandaloneAirflow.start({ airflow: context.airflow, packages, env });
    const run = { context, airflow, account, namespace, use };
    try {
      for (const dag of ['echo', 'deferred']) {
        for (const [, name] of WHO) {
          await airflow.parsed(`bench_${dag}_${name}`);
          // The first run pays for what is loaded once.
          await airflow.task(`bench_${dag}_${name}`);
        }
      }
      for (let round = 1; round <= options.rounds; round += 1) {
        for (const [contender, name] of WHO) {
          await options.attempt(`pod of ${contender}`, () => pod(run, contender, `bench_echo_${name}`, 'podTask'));
          await options.attempt(`deferred pod of ${contender}`, () =>
            pod(run, contender, `bench_deferred_${name}`, 'deferredTask'),
          );
        }
      }
      for (const [contender, name] of WHO) {
        await options.attempt(`lines of ${contender}`, () => lines(run, contender, `bench_lines_${name}`));
      }
      await options.attempt('lines of a deferred operator', () =>
        lines(run, 'operator-deferred', 'bench_lines_deferred_ours'),
      );
    } finally {
      airflow.stop();
    }
  });
}

interface Run {
  readonly context: BenchContext;
  readonly airflow: StandaloneAirflow;
  readonly account: Account;
  readonly namespace: string;
  readonly use: string;
}

async function pod(run: Run, contender: Contender, dag: string, prefix: 'podTask' | 'deferredTask'): Promise<void> {
  const { seconds, endToSuccess, requests, cpuSeconds, processMb, childMb } = await measure(run, dag);
  const record = (figure: FigureName, value: number): void => {
    run.context.record({ figure, contender, size: 0, value });
  };
  record(`${prefix}Seconds`, seconds);
  record(`${prefix}EndToSuccessSeconds`, endToSuccess);
  if (requests !== null) {
    record(`${prefix}Requests`, requests);
  }
  record(`${prefix}CpuSeconds`, cpuSeconds);
  record(`${prefix}ProcessMb`, processMb);
  if (childMb > 0) {
    record(`${prefix}ChildMb`, childMb);
  }
}

async function measure({ context, airflow, account, namespace, use }: Run, dag: string): Promise<Measured> {
  const usesBefore = usesIn(use).length;
  const logsBefore = await logRequests(context.kubeconfig);
  const since = Date.now();
  const watch = await PodWatch.start(context.kubeconfig, namespace, dag);
  const child = new PeakMeter('pod-launcher.cjs run-pod');
  try {
    const times = await airflow.task(dag);
    // What is cleaned up after the task's end belongs to it.
    await new Promise((resolve) => setTimeout(resolve, PODS_GONE_MS));
    const [podEndedAt = NaN] = watch.containerEndedAt.values();
    const asked = await context.audit.requestsBy(account.user, namespace, since, Date.now());
    const logs = (await logRequests(context.kubeconfig)) - logsBefore;
    const uses = usesIn(use).slice(usesBefore);
    return {
      seconds: (times.endedAt - times.startedAt) / 1000,
      endToSuccess: (times.endedAt - podEndedAt) / 1000,
      requests: asked === null ? null : asked + logs,
      cpuSeconds: uses.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
      processMb: Math.max(...uses.map(({ processMb }) => processMb)),
      childMb: child.stop() / 1e6,
    };
  } finally {
    child.stop();
    watch.stop();
  }
}

function usesIn(file: string): Use[] {
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Use)
    : [];
}

/** A pod that writes 100,000 lines in 10 s: how many of them are missing in the task's log, and when it is complete. */
async function lines({ context, airflow, namespace }: Run, contender: Contender, dag: string): Promise<void> {
  await airflow.parsed(dag);
  const watch = await PodWatch.start(context.kubeconfig, namespace, dag);
  try {
    const times = await airflow.task(dag);
    const [podEndedAt = NaN] = watch.containerEndedAt.values();
    const numbers = [...airflow.logs(dag).matchAll(/\[base\] (\d+)/g)].map(([, number]) => Number(number));
    const inOrder = numbers.filter((number, at) => number === at).length;
    context.record({ figure: 'linesLost', contender, size: LINES, value: LINES - inOrder });
    const value = (times.endedAt - podEndedAt) / 1000;
    context.record({ figure: 'linesEndToSuccessSeconds', contender, size: LINES, value });
  } finally {
    watch.stop();
  }
}

/** Import of the operators' modules, byte-compiled, each in a process of its own. */
async function importTimes({ airflow, record }: BenchContext, packages: string): Promise<void> {
  const env = { ...airflow.fresh(''), PYTHONPATH: packages };
  for (let time = 0; time <= IMPORTS; time += 1) {
    for (const contender of ['stock', 'operator'] as const) {
      const args = ['bench/operators/imports.py', MODULES[contender]];
      const { stdout } = await execa(airflow.python, args, { env, extendEnv: false });
      const found = JSON.parse(stdout.split('\n').at(-1) ?? '') as Record<string, number>;
      // The first of each fills the page cache.
      if (time > 0) {
        record({ figure: 'importSeconds', contender, size: 0, value: found.seconds ?? NaN });
        record({ figure: 'importBeyondSdkSeconds', contender, size: 0, value: found.beyondSeconds ?? NaN });
        record({ figure: 'importMb', contender, size: 0, value: found.mb ?? NaN });
      }
    }
  }
}
