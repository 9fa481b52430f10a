import { launches } from '../../test/integration/support/launches.js';
import { until } from '../../test/integration/support/until.js';
import { countWrites } from '../cluster/audit-log.js';
import { LauncherProcess } from '../contenders/launcher-process.js';
import { podTemplate } from '../contenders/pod-template.js';
import { type BenchContext, inNamespace, patienceMs } from '../context.js';
import { keepAcknowledging, sendLaunches } from './launch.js';

const REST_MS = 20_000;

/**
 * The launcher with so many pods alive: its memory and what it does at rest; killed and started again, until it has told
 * that it knows all of them; then frozen while all pods succeed, and how fast it settles that heap.
 */
export async function holdLauncher(context: BenchContext, size: number): Promise<void> {
  await inNamespace(context, 'hold', size, async (namespace) => {
    const of = { contender: 'launcher', size } as const;
    const template = podTemplate({ placement: { by: 'name', node: context.node }, hold: true });
    const launcher = new LauncherProcess(namespace.name, context.kubeconfig, template);
    try {
      await launcher.start();
      let client = await launcher.connect();
      await client.synced();
      client.holdLease();
      const startedAt = Date.now();
      const many = launches(size, { notAfter: startedAt + patienceMs(size) });
      sendLaunches(client, many);
      await namespace.waitForPods(size, patienceMs(size));
      await namespace.waitForPhase('Running', patienceMs(size));
      client.acknowledgeAll();
      const cpuBefore = launcher.cpuMs();
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      context.record({ ...of, figure: 'idleCpuPercent', value: ((launcher.cpuMs() - cpuBefore) * 100) / REST_MS });
      context.record({ ...of, figure: 'launcherRssMb', value: launcher.residentBytes() / 1e6 });

      const { bootId } = client.welcome();
      const ackedSeq = client.ackedSeq();
      await launcher.kill();
      client.close();
      const killedAt = Date.now();
      await launcher.start();
      client = await launcher.connect({ bootId, ackedSeq });
      await client.synced();
      client.holdLease();
      const { present } = await client.resync(many.map(({ id, attempt }) => ({ id, attempt })));
      context.record({ ...of, figure: 'recoverySeconds', value: (Date.now() - killedAt) / 1000 });
      const alive = await namespace.podCount();
      if (present.length !== size || alive !== size) {
        throw new Error(`after a restart the launcher knows ${present.length} and there are ${alive} pods of ${size}`);
      }

      launcher.signal('SIGSTOP');
      await namespace.release();
      await namespace.waitForPhase('Succeeded', patienceMs(size));
      const stopAcknowledging = keepAcknowledging(client);
      const resumedAt = Date.now();
      launcher.signal('SIGCONT');
      await until(`${size} ends are told`, () => client.terminal().length >= size, {
        timeoutMs: patienceMs(size),
        everyMs: 50,
        state: () => [client.terminal().length, launcher.logTail()],
      });
      await namespace.waitForPods(0, patienceMs(size));
      stopAcknowledging();
      client.close();
      const counts = countWrites(await context.audit.podWrites(namespace.name, startedAt));
      context.record({
        ...of,
        figure: 'settledPerSecond',
        value: (counts.deleted * 1000) / (counts.lastDeleteAt - resumedAt),
      });
    } finally {
      await launcher.dispose();
    }
  });
}
