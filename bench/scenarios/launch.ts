import type { LaunchSpec } from '../../src/runtime/link/messages.js';
import { launches } from '../../test/integration/support/launches.js';
import type { TestClient } from '../../test/integration/support/client.js';

/** As the executor does it. */
const LAUNCHES_PER_FRAME = 100;
const ACK_EVERY_MS = 50;

/** Bytes of a real workload's arguments, the token in it included: the API server has as much to do with each pod. */
const WORKLOAD_BYTES = 1200;

/** So many launches whose pods are as large as those that the executors have made. */
export function likeReal(count: number, changes: Partial<LaunchSpec> = {}): LaunchSpec[] {
  const args = ['python', '-c', 'pass', '--json-string', 'x'.repeat(WORKLOAD_BYTES)];
  return launches(count, { args, ...changes });
}

/** Sends the launches in frames of the executor's size. */
export function sendLaunches(client: TestClient, launches: readonly LaunchSpec[]): void {
  for (let start = 0; start < launches.length; start += LAUNCHES_PER_FRAME) {
    client.launch(launches.slice(start, start + LAUNCHES_PER_FRAME));
  }
}

/** Acknowledges what was told, at the pace of a scheduler's loop. @returns what stops it */
export function keepAcknowledging(client: TestClient): () => void {
  const timer = setInterval(() => {
    if (!client.closed) {
      client.acknowledgeAll();
    }
  }, ACK_EVERY_MS);
  return () => {
    clearInterval(timer);
  };
}
