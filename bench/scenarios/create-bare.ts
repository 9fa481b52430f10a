import { join } from 'node:path';
import { execa } from 'execa';
import { countWrites } from '../cluster/audit-log.js';
import type { BareCreateInput, BareCreateOutput } from '../contenders/bare-create.js';
import { podTemplate } from '../contenders/pod-template.js';
import { type BenchContext, inNamespace, patienceMs } from '../context.js';

/** Half as many as the launcher may have under way, and as many: the better one is the limit. */
const IN_FLIGHT = [32, 64];

/** The limit: the same pods over one bare HTTP/2 session. */
export async function createBare(context: BenchContext, size: number): Promise<void> {
  const runs: BareRun[] = [];
  for (const inFlight of IN_FLIGHT) {
    await inNamespace(context, 'bare', size, async (namespace) => {
      runs.push(await run(context, namespace.name, size, inFlight));
    });
  }
  const of = { contender: 'bare', size } as const;
  context.record({ ...of, figure: 'createdPerSecond', value: Math.max(...runs.map((one) => one.perSecond)) });
  context.record({ ...of, figure: 'cpuMsPerPod', value: Math.min(...runs.map((one) => one.cpuMsPerPod)) });
}

interface BareRun {
  readonly perSecond: number;
  readonly cpuMsPerPod: number;
}

async function run(context: BenchContext, namespace: string, count: number, inFlight: number): Promise<BareRun> {
  const template = podTemplate({ placement: { by: 'nobody' }, hold: false });
  const input: BareCreateInput = { kubeconfig: context.kubeconfig, namespace, count, inFlight, template };
  const child = join(__dirname, '../contenders/bare-create.js');
  const { stdout } = await execa(process.execPath, [child, JSON.stringify(input)], { timeout: patienceMs(count) });
  const { startedAt, cpuMs } = JSON.parse(stdout) as BareCreateOutput;
  const { lastCreateAt } = countWrites(await context.audit.podWrites(namespace, startedAt));
  return { perSecond: (count * 1000) / (lastCreateAt - startedAt), cpuMsPerPod: cpuMs / count };
}
