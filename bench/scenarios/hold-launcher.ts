import type { LaunchSpec } from '../../src/runtime/link/messages.js';
import type { TestClient } from '../../test/integration/support/client.js';
import type { BenchNamespace } from '../cluster/namespace.js';
import { LauncherProcess } from '../contenders/launcher-process.js';
import { podTemplate } from '../contenders/pod-template.js';
import { type BenchContext, inNamespace, patienceMs } from '../context.js';
import { until } from '../../test/integration/support/until.js';
import { keepAcknowledging, likeReal, sendLaunches } from './launch.js';

const QUIET_MS = 3000;
const REST_MS = 20_000;

/**
 * The launcher with half of so many pods alive: killed and started again, until it has told that it knows all of them.
 * Then with all of them: its memory and what it does at rest.
 */
export async function holdLauncher(context: BenchContext, size: number): Promise<void> {
  await inNamespace(context, 'hold', size, async (namespace) => {
    const template = podTemplate({ node: context.node, hold: true });
    const launcher = new LauncherProcess(namespace.name, context.kubeconfig, template);
    try {
      await launcher.start();
      let client = await launcher.connect();
      await client.synced();
      const half = Math.ceil(size / 2);
      const many = likeReal(size, { notAfter: Date.now() + patienceMs(size) });
      await bringUp(client, namespace, many.slice(0, half), half);

      const { bootId } = client.welcome();
      const ackedSeq = client.ackedSeq();
      await launcher.kill();
      client.close();
      const killedAt = Date.now();
      await launcher.start();
      client = await launcher.connect({ bootId, ackedSeq });
      await client.synced();
      const { present } = await client.resync(many.slice(0, half).map(({ id, attempt }) => ({ id, attempt })));
      const value = (Date.now() - killedAt) / 1000;
      context.record({ contender: 'launcher', size: half, figure: 'recoverySeconds', value });
      const alive = await namespace.podCount();
      if (present.length !== half || alive !== half) {
        throw new Error(`after a restart the launcher knows ${present.length} and there are ${alive} pods of ${half}`);
      }

      await bringUp(client, namespace, many.slice(half), size);
      await namespace.waitForQuiet(QUIET_MS, patienceMs(size));
      const of = { contender: 'launcher', size } as const;
      const cpuBefore = launcher.cpuMs();
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      context.record({ ...of, figure: 'idleCpuPercent', value: ((launcher.cpuMs() - cpuBefore) * 100) / REST_MS });
      context.record({ ...of, figure: 'launcherRssMb', value: launcher.residentBytes() / 1e6 });
      client.close();
    } finally {
      await launcher.dispose();
    }
  });
}

/** Has these made and waits until all pods of the namespace run and all of it was told and is acknowledged. */
async function bringUp(
  client: TestClient,
  namespace: BenchNamespace,
  launches: readonly LaunchSpec[],
  pods: number,
): Promise<void> {
  client.holdLease();
  const stopAcknowledging = keepAcknowledging(client);
  sendLaunches(client, launches);
  await namespace.waitForPods(pods, patienceMs(pods));
  await namespace.waitForPhase('Running', patienceMs(pods));
  const told = (): Set<string> => new Set(client.events.filter(({ kind }) => kind === 'RUNNING').map(({ id }) => id));
  // The watch may be behind what the API server says.
  await until('all of it is told', () => told().size >= launches.length, {
    timeoutMs: patienceMs(pods),
    everyMs: 500,
  });
  stopAcknowledging();
  client.acknowledgeAll();
}
