import { HealthServer } from '../../src/runtime/health.js';
import { watchHealth } from '../../src/runtime/watch-health.js';

const NOW = 1_700_000_000_000;
const SILENCE = 75_000;
const heard = (...secondsAgo: number[]) =>
  watchHealth(
    secondsAgo.map((seconds) => NOW - seconds * 1000),
    NOW,
    SILENCE,
  );

describe('the pod watches', () => {
  test('may be silent for their limit and for as long as a new one takes', () => {
    expect(heard(2)).toEqual({ secondsSinceApiServerHeard: 2, watchStalled: false });
    expect(heard(104)).toMatchObject({ watchStalled: false });
    expect(heard(106)).toEqual({ secondsSinceApiServerHeard: 106, watchStalled: true });
  });

  test('are judged by the most silent one', () => {
    expect(heard(1, 200, 2)).toEqual({ secondsSinceApiServerHeard: 200, watchStalled: true });
  });

  test('are not stalled before they began', () => {
    expect(watchHealth([0, NOW], NOW, SILENCE)).toEqual({ secondsSinceApiServerHeard: null, watchStalled: false });
  });
});

describe('the health endpoint', () => {
  let ready = false;
  const server = new HealthServer({ ready: () => ready, status: () => ({ queued: 3 }) });
  let url = '';
  beforeAll(async () => {
    url = `http://127.0.0.1:${await server.listen(0)}`;
  });
  afterAll(() => {
    server.close();
  });
  const status = async (path: string): Promise<number> => (await fetch(url + path)).status;

  test('lets a launcher live that is not ready', async () => {
    ready = false;
    expect([await status('/healthz'), await status('/readyz')]).toEqual([200, 503]);
    ready = true;
    expect(await status('/readyz')).toBe(200);
  });

  test('shows its numbers to people, and nothing else', async () => {
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ queued: 3 });
    expect(await status('/elsewhere')).toBe(404);
  });
});
