import { join } from 'node:path';
import { execa } from 'execa';
import { countWrites } from '../cluster/audit-log.js';
import type { BareCreateInput, BareCreateOutput } from '../contenders/bare-create.js';
import { type Placement, podTemplate } from '../contenders/pod-template.js';
import { type BenchContext, inNamespace, patienceMs } from '../context.js';

/** Half as many as the launcher may have under way, and as many: the better one is the limit. */
const IN_FLIGHT = [32, 64];

/** The limit where nothing but creates goes on. */
export async function createBareAlone(context: BenchContext, size: number): Promise<void> {
  const { perSecond, cpuMsPerPod } = await best(context, size, { by: 'nobody' });
  const of = { contender: 'bare', size } as const;
  context.record({ ...of, figure: 'createdAlonePerSecond', value: perSecond });
  context.record({ ...of, figure: 'cpuMsPerPod', value: cpuMsPerPod });
}

/** The limit while pods are scheduled, run and end. */
export async function createBare(context: BenchContext, size: number): Promise<void> {
  const { perSecond } = await best(context, size, { by: 'scheduler' });
  context.record({ contender: 'bare', size, figure: 'createdPerSecond', value: perSecond });
}

async function best(context: BenchContext, size: number, placement: Placement): Promise<BareRun> {
  const runs: BareRun[] = [];
  for (const inFlight of IN_FLIGHT) {
    await inNamespace(context, 'bare', size, async (namespace) => {
      runs.push(await run(context, namespace.name, size, inFlight, placement));
      if (placement.by === 'scheduler') {
        // What the scheduler has not bound yet would reach into the next measurement.
        await namespace.waitForPhase('Succeeded', patienceMs(size));
      }
    });
  }
  return runs.reduce((one, other) => (other.perSecond > one.perSecond ? other : one));
}

interface BareRun {
  readonly perSecond: number;
  readonly cpuMsPerPod: number;
}

async function run(
  context: BenchContext,
  namespace: string,
  count: number,
  inFlight: number,
  placement: Placement,
): Promise<BareRun> {
  const template = podTemplate({ placement, hold: false });
  const input: BareCreateInput = { kubeconfig: context.kubeconfig, namespace, count, inFlight, template };
  const child = join(__dirname, '../contenders/bare-create.js');
  const { stdout } = await execa(process.execPath, [child, JSON.stringify(input)], { timeout: patienceMs(count) });
  const { startedAt, cpuMs } = JSON.parse(stdout) as BareCreateOutput;
  const { lastCreateAt } = countWrites(await context.audit.podWrites(namespace, startedAt));
  return { perSecond: (count * 1000) / (lastCreateAt - startedAt), cpuMsPerPod: cpuMs / count };
}
