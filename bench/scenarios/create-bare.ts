import { join } from 'node:path';
import { execa } from 'execa';
import { countWrites } from '../cluster/audit-log.js';
import type { BareCreateInput, BareCreateOutput } from '../contenders/bare-create.js';
import { podTemplate } from '../contenders/pod-template.js';
import { type BenchContext, inNamespace, patienceMs } from '../context.js';

const IN_FLIGHT = 32;

/** The limit: the same pods over one bare HTTP/2 session, 32 in flight. */
export async function createBare(context: BenchContext, size: number): Promise<void> {
  await inNamespace(context, 'bare', size, async (namespace) => {
    const input: BareCreateInput = {
      kubeconfig: context.kubeconfig,
      namespace: namespace.name,
      count: size,
      inFlight: IN_FLIGHT,
      template: podTemplate({ placement: { by: 'scheduler' }, hold: false }),
    };
    const child = join(__dirname, '../contenders/bare-create.js');
    const { stdout } = await execa(process.execPath, [child, JSON.stringify(input)], { timeout: patienceMs(size) });
    const { startedAt, cpuMs } = JSON.parse(stdout) as BareCreateOutput;
    const { lastCreateAt } = countWrites(await context.audit.podWrites(namespace.name, startedAt));
    const of = { contender: 'bare', size } as const;
    context.record({ ...of, figure: 'createdPerSecond', value: (size * 1000) / (lastCreateAt - startedAt) });
    context.record({ ...of, figure: 'cpuMsPerPod', value: cpuMs / size });
  });
}
