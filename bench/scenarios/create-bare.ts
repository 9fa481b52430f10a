import { join } from 'node:path';
import { execa } from 'execa';
import { countWrites } from '../cluster/audit-log.js';
import type { BareCreateInput, BareCreateOutput } from '../contenders/bare-create.js';
import { podTemplate } from '../contenders/pod-template.js';
import { type BenchContext, inNamespace, patienceMs } from '../context.js';

/** As many as the launcher has under way by default. */
const IN_FLIGHT = 32;

/** The API server's own limit: the same pods, made beforehand, over one HTTP/2 session. */
export async function createBare(context: BenchContext, size: number): Promise<void> {
  await inNamespace(context, 'bare', size, async ({ name: namespace }) => {
    const template = podTemplate({ node: context.node, hold: false });
    const { kubeconfig } = context;
    const input: BareCreateInput = { kubeconfig, namespace, count: size, inFlight: IN_FLIGHT, template };
    const child = join(__dirname, '../contenders/bare-create.js');
    const { stdout } = await execa(process.execPath, [child, JSON.stringify(input)], { timeout: patienceMs(size) });
    const { startedAt, cpuMs } = JSON.parse(stdout) as BareCreateOutput;
    const { lastCreateAt } = countWrites(await context.audit.podWrites(namespace, startedAt));
    const of = { contender: 'bare', size } as const;
    context.record({ ...of, figure: 'createdPerSecond', value: (size * 1000) / (lastCreateAt - startedAt) });
    context.record({ ...of, figure: 'cpuMsPerPod', value: cpuMs / size });
  });
}
