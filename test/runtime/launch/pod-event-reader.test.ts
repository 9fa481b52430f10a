import { KubeError } from '../../../src/runtime/api/errors.js';
import { PodEventReader } from '../../../src/runtime/launch/pod-event-reader.js';
import type { RawEvent } from '../../../src/runtime/pods/events.js';
import { FakeApi } from '../support/fake-api.js';

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** An API server whose answers come when the test says so: that it is slow is what cannot be had of a real one. */
class SlowApi extends FakeApi {
  readonly asked: { uid: string; answer: (events: RawEvent[]) => void; refuse: (error: Error) => void }[] = [];

  override listPodEvents = (_namespace?: string, uid = ''): Promise<RawEvent[]> =>
    new Promise((answer, refuse) => {
      this.asked.push({ uid, answer, refuse });
    });
}

async function turns(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('reading the events of failed pods', () => {
  let now = 0;
  let api: SlowApi;
  let reader: PodEventReader;
  let told: Record<string, readonly string[]>;
  const read = (uid: string): void => {
    reader.read({ namespace: 'tasks', uid }, (lines) => {
      told[uid] = lines;
    });
  };

  beforeEach(() => {
    now = 0;
    api = new SlowApi();
    reader = new PodEventReader(api, SILENT, () => now);
    told = {};
  });

  test('answers with what they say', async () => {
    read('a');
    await turns();
    api.asked[0]?.answer([{ reason: 'Killing', message: 'Stopping container', lastTimestamp: '2026-01-01T00:00:00Z' }]);
    await turns();
    expect(told).toEqual({ a: ['2026-01-01T00:00:00Z Normal Killing: Stopping container'] });
  });

  test('answers with nothing when the API server refuses', async () => {
    read('a');
    await turns();
    api.asked[0]?.refuse(new KubeError('response', 'events is forbidden', { status: 403 }));
    await turns();
    expect(told).toEqual({ a: [] });
  });

  test('asks for four at a time, and lets nobody wait long behind a slow API server', async () => {
    for (const uid of ['a', 'b', 'c', 'd', 'e', 'f']) {
      read(uid);
    }
    await turns();
    expect(api.asked.map(({ uid }) => uid)).toEqual(['a', 'b', 'c', 'd']);
    now = 2000;
    api.asked[0]?.answer([]);
    await turns();
    expect(api.asked.map(({ uid }) => uid)).toEqual(['a', 'b', 'c', 'd', 'e']);
    now = 4000;
    api.asked[1]?.answer([]);
    await turns();
    expect(Object.keys(told)).toEqual(['a', 'b', 'f']);
  });

  test('leaves them out when very many pods fail at once', async () => {
    for (let index = 0; index < 300; index += 1) {
      read(`pod-${index}`);
    }
    await turns();
    expect(Object.keys(told).length).toBeGreaterThan(150);
    expect(api.asked).toHaveLength(4);
  });
});
