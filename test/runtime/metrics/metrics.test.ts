import { HealthServer } from '../../../src/runtime/health.js';
import { verbOf } from '../../../src/runtime/api/request-observer.js';
import { Metrics } from '../../../src/runtime/metrics/metrics.js';
import type { LauncherState } from '../../../src/runtime/metrics/state.js';

const STATE: LauncherState = {
  synced: true,
  connected: false,
  stages: { queued: 5, creating: 4, pending: 3, running: 2, ended: 1 },
  unacknowledged: 7,
  creates: { inFlight: 4, limit: 32 },
  throttled: { jobs: true, other: false },
  standby: { ready: 2, starting: 1 },
  watchAges: { jobs: 1.5, other: null },
};

/** The series of a metric: labels but `deployment`, with their values. */
async function series(metrics: Metrics, name: string, state = STATE): Promise<Record<string, number>> {
  const lines = (await metrics.render(state)).split('\n').filter((line) => line.startsWith(`pod_launcher_${name}{`));
  return Object.fromEntries(
    lines.map((line) => {
      expect(line).toContain('deployment="airflow"');
      const labels = (/\{(.*)\}/.exec(line)?.[1] ?? '').split(',').filter((label) => !label.startsWith('deployment='));
      return [labels.join(','), Number(line.split(' ').at(-1))];
    }),
  );
}

describe('the metrics', () => {
  let metrics: Metrics;
  beforeEach(() => {
    metrics = new Metrics('airflow', '1.2.3', ['jobs']);
  });

  test('show the launcher as it is when it is asked', async () => {
    expect(await series(metrics, 'launches')).toEqual({
      'stage="queued"': 5,
      'stage="creating"': 4,
      'stage="pending"': 3,
      'stage="running"': 2,
      'stage="ended"': 1,
    });
    expect(await series(metrics, 'throttled')).toEqual({ 'task_namespace="jobs"': 1, 'task_namespace="other"': 0 });
    expect(await series(metrics, 'connected')).toEqual({ '': 0 });
    expect(await series(metrics, 'connected', { ...STATE, connected: true })).toEqual({ '': 1 });
    expect(await series(metrics, 'build_info')).toEqual({ 'version="1.2.3"': 1 });
  });

  test('begin at zero, so that the first time is an increase, too', async () => {
    expect(await series(metrics, 'failures_total')).toMatchObject({ 'reason="OOMKilled"': 0, 'reason="other"': 0 });
    expect(await series(metrics, 'throttles_total')).toEqual({ 'task_namespace="jobs"': 0 });
    expect(await series(metrics, 'creates_total')).toMatchObject({ 'outcome="refused"': 0 });
  });

  test('know no age of a watch that never began', async () => {
    expect(await series(metrics, 'watch_age_seconds')).toEqual({ 'task_namespace="jobs"': 1.5 });
  });

  test('count failures by reason, whatever pods call theirs, in a bounded number of series', async () => {
    metrics.ended('FAILED', 'OOMKilled');
    metrics.ended('CREATE_FAILED', 'Forbidden');
    metrics.ended('LOST', null);
    for (let index = 0; index < 100; index += 1) {
      metrics.ended('FAILED', `Made${index}Up`);
    }
    metrics.ended('SUCCEEDED', null);
    const failures = Object.entries(await series(metrics, 'failures_total'));
    expect(Object.fromEntries(failures.filter(([, count]) => count > 0))).toEqual({
      'reason="OOMKilled"': 1,
      'reason="Forbidden"': 1,
      'reason="none"': 1,
      'reason="other"': 100,
    });
    expect(await series(metrics, 'launches_ended_total')).toEqual({
      'kind="succeeded"': 1,
      'kind="failed"': 101,
      'kind="lost"': 1,
      'kind="create_failed"': 1,
    });
  });

  test('count requests by verb and class of the status, and leave watches out of the times', async () => {
    for (const [verb, status] of [
      ['create', 201],
      ['create', 429],
      ['create', 0],
      ['delete', 404],
      ['watch', 200],
    ] as const) {
      metrics.requested(verb, status, 20);
    }
    expect(await series(metrics, 'api_requests_total')).toEqual({
      'verb="create",code="2xx"': 1,
      'verb="create",code="429"': 1,
      'verb="create",code="none"': 1,
      'verb="delete",code="4xx"': 1,
      'verb="watch",code="2xx"': 1,
    });
    expect(await series(metrics, 'api_request_duration_seconds_count')).toEqual({
      'verb="create"': 3,
      'verb="delete"': 1,
    });
    expect(await series(metrics, 'api_request_duration_seconds_sum')).toMatchObject({ 'verb="create"': 0.06 });
  });

  test('have the memory and the CPU time of the process', async () => {
    const text = await metrics.render(STATE);
    expect(Number(/process_resident_memory_bytes\S* (\d+)/.exec(text)?.[1])).toBeGreaterThan(1e6);
    expect(Number(/process_cpu_seconds_total\S* ([\d.]+)/.exec(text)?.[1])).toBeGreaterThan(0);
  });

  test('are served for Prometheus, and a failure to is told', async () => {
    let fails = false;
    const server = new HealthServer({
      ready: () => false,
      status: () => ({}),
      metrics: async () => {
        if (fails) {
          throw new Error('no numbers');
        }
        return { contentType: metrics.contentType, body: await metrics.render(STATE) };
      },
    });
    try {
      const url = `http://127.0.0.1:${await server.listen(0)}/metrics`;
      const response = await fetch(url);
      expect([response.status, response.headers.get('content-type')]).toEqual([
        200,
        expect.stringContaining('text/plain'),
      ]);
      expect(await response.text()).toContain('pod_launcher_launches{stage="queued",deployment="airflow"} 5');
      fails = true;
      expect((await fetch(url)).status).toBe(500);
    } finally {
      server.close();
    }
  });
});

test.each([
  ['GET', '/api/v1/namespaces/a/pods?labelSelector=x&limit=500', 'list'],
  ['GET', '/api/v1/namespaces/a/pods?watch=true', 'watch'],
  ['GET', '/api/v1/namespaces/a/pods/p', 'get'],
  ['POST', '/api/v1/namespaces/a/pods', 'create'],
  ['DELETE', '/api/v1/namespaces/a/pods/p', 'delete'],
  ['PATCH', '/api/v1/namespaces/a/pods/p', 'patch'],
] as const)('%s %s is a %s', (method, path, verb) => {
  expect(verbOf({ method, path })).toBe(verb);
});
