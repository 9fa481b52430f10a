import { until } from '../../test/integration/support/until.js';
import { countWrites } from '../cluster/audit-log.js';
import { LauncherProcess } from '../contenders/launcher-process.js';
import { podTemplate } from '../contenders/pod-template.js';
import { type BenchContext, inNamespace, patienceMs } from '../context.js';
import { keepAcknowledging, likeReal, sendLaunches } from './launch.js';

/** The launcher alone, with pods that run and end meanwhile: from LAUNCH frames on its socket to pods in the API server. */
export async function createLauncher(context: BenchContext, size: number): Promise<void> {
  await inNamespace(context, 'launcher', size, async (namespace) => {
    const template = podTemplate({ node: context.node, hold: false });
    const launcher = new LauncherProcess(namespace.name, context.kubeconfig, template);
    try {
      await launcher.start();
      const client = await launcher.connect();
      await client.synced();
      client.holdLease();
      const stopAcknowledging = keepAcknowledging(client);
      const many = likeReal(size, { notAfter: Date.now() + patienceMs(size) });
      const cpuBefore = launcher.cpuMs();
      const startedAt = Date.now();
      sendLaunches(client, many);
      const created = (): number => client.events.filter((event) => event.kind === 'CREATED').length;
      await until(`${size} pods are created`, () => client.events.length >= size && created() >= size, {
        timeoutMs: patienceMs(size),
        everyMs: 50,
        state: () => [created(), launcher.logTail()],
      });
      const cpuMs = launcher.cpuMs() - cpuBefore;
      stopAcknowledging();
      client.close();
      await launcher.kill();
      const { lastCreateAt } = countWrites(await context.audit.podWrites(namespace.name, startedAt));
      const of = { contender: 'launcher', size } as const;
      context.record({ ...of, figure: 'createdPerSecond', value: (size * 1000) / (lastCreateAt - startedAt) });
      context.record({ ...of, figure: 'cpuMsPerPod', value: cpuMs / size });
    } finally {
      await launcher.dispose();
    }
  });
}
