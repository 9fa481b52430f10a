import type { LaunchSpec } from '../../src/runtime/link/messages.js';
import type { TestClient } from '../../test/integration/support/client.js';

/** As the executor does it. */
const LAUNCHES_PER_FRAME = 100;
const ACK_EVERY_MS = 50;

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
