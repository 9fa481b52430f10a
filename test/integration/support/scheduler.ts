import { readFileSync } from 'node:fs';
import type { LaunchSpec } from '../../../src/runtime/link/messages.js';
import { type LauncherEvent, TestClient } from './client.js';

/** What a test tells this process. */
export type Order =
  | { readonly launch: readonly LaunchSpec[] }
  /** Airflow has committed everything up to here. */
  | { readonly committed: number };

/** What this process tells the test. `leased`: a lease was sent, after so many launches had been let go. */
export type Report = { readonly event: LauncherEvent } | { readonly leased: number };

const TTL_MS = 12_000;
const RENEWAL_MS = 3000;
const TURN_MS = 100;

/**
 * The executor's end of the link as a process of its own, so that it can be stopped: keeps the lease as the executor
 * does (python/src/airflow_pod_launcher/dispatcher.py, tested there against a real database). Instead of a database it
 * reads a file: the JSON list of launch ids that another scheduler has taken over.
 */
async function run(socket: string, deployment: string, jobId: string, takenOverFile: string): Promise<void> {
  const report = (what: Report): void => void process.send?.(what);
  const client = await TestClient.connect(socket, { deployment, jobId, acknowledge: false });
  const waiting = new Set<string>();
  let told = 0;
  let leasedAt = -Infinity;

  process.on('message', (order: Order) => {
    if ('launch' in order) {
      order.launch.forEach(({ id }) => waiting.add(id));
      client.launch(order.launch);
    } else {
      client.send({ type: 'ACK', seq: order.committed });
    }
  });
  const turn = (): void => {
    for (const event of client.events.slice(told)) {
      waiting.delete(event.id);
      report({ event });
    }
    told = client.events.length;
    const now = Date.now();
    if (now - leasedAt < RENEWAL_MS) {
      return;
    }
    let withdrawn: string[] = [];
    if (now - leasedAt >= TTL_MS) {
      const takenOver = new Set(JSON.parse(readFileSync(takenOverFile, 'utf8')) as string[]);
      withdrawn = [...waiting].filter((id) => takenOver.has(id));
      client.send({ type: 'WITHDRAW', launches: withdrawn.map((id) => ({ id })) });
    }
    client.send({ type: 'LEASE', ttlMs: TTL_MS, at: now });
    leasedAt = now;
    report({ leased: withdrawn.length });
  };
  setInterval(turn, TURN_MS);
  turn();
}

const [socket = '', deployment = '', jobId = '', takenOverFile = ''] = process.argv.slice(2);
void run(socket, deployment, jobId, takenOverFile);
