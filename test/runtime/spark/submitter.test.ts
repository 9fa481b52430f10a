import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject, ObjectApi } from '../../../src/runtime/api/object-api.js';
import type { RunEvent } from '../../../src/runtime/run/events.js';
import { parseSparkRequest } from '../../../src/runtime/spark/request.js';
import { SparkSubmitter } from '../../../src/runtime/spark/submitter.js';

const MADE: KubeObject = { metadata: { name: 'sum', uid: '1', resourceVersion: '7' } };

/** Scripts stand for spark-submit, and the pods for those of an API server: the integration test has the real ones. */
describe('a submitter', () => {
  const folder = mkdtempSync(join(tmpdir(), 'submitter-'));
  const script = (body: string): string => {
    const path = join(folder, `submit-${Math.random().toString(36).slice(2)}`);
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
    return path;
  };
  /** @param pods what the API server has of the driver: before the submission, after it */
  const submit = (binary: string, pods: (KubeObject | null)[], kill = new AbortController().signal) => {
    const events: RunEvent[] = [];
    const { settings } = parseSparkRequest({
      protocol: 1,
      spark: { application: 'local:///app.py', image: 'spark:4', deployMode: 'cluster', binary },
    });
    const submitter = new SparkSubmitter({
      api: { get: () => Promise.resolve(pods.shift() ?? null) } as unknown as ObjectApi,
      credentials: {
        access: () =>
          Promise.resolve({ server: 'https://api', tls: {}, headers: { authorization: 'Bearer the-token' } }),
        forget: () => undefined,
      },
      settings,
      container: 'spark-kubernetes-driver',
      sink: { tell: (event) => events.push(event) > 0, ready: () => Promise.resolve() },
      env: { PATH: process.env.PATH },
      kill,
    });
    return { events, done: submitter.create('jobs', { spec: {} }, 'sum') };
  };

  test('hands the token over in a file that only it can read, and that is gone afterwards', async () => {
    const seen = join(folder, 'seen');
    const path = `$(echo "$@" | tr ' ' '\\n' | sed -n 's/.*oauthTokenFile=//p')`;
    const run = submit(script(`f=${path}; stat -c %a "$f" > ${seen}; cat "$f" >> ${seen}; echo "$f"`), [null, MADE]);
    expect(await run.done).toEqual(MADE.metadata);
    expect(readFileSync(seen, 'utf8')).toBe('600\nthe-token');
    const told = run.events.map((event) => (event.type === 'log' ? [event.container, event.line] : []));
    expect(told).toEqual([['spark-submit', expect.stringContaining('/token')]]);
    expect(existsSync(told[0]?.[1] ?? '')).toBe(false);
  });

  test('starts nothing where the driver is there already', async () => {
    const mark = join(folder, 'started');
    await expect(submit(script(`touch ${mark}`), [MADE]).done).rejects.toMatchObject({
      status: 409,
      reason: 'AlreadyExists',
    });
    expect(existsSync(mark)).toBe(false);
  });

  test('tells the error that ended it, not the calls that led there', async () => {
    const body =
      'echo "a warning"; echo "Exception in thread main: no such class"; printf "\\tat a.b(C.java:1)\\n"; exit 1';
    await expect(submit(script(body), [null]).done).rejects.toMatchObject({
      code: 'Refused',
      message: expect.stringMatching(/ended with exit code 1: Exception in thread main: no such class$/) as string,
    });
  });

  test('may be repeated when the API server was away, and may not without the right to it', async () => {
    const away = submit(script('echo "Caused by: java.net.ConnectException: Connection refused"; exit 1'), [null]);
    await expect(away.done).rejects.toMatchObject({ name: 'KubeError', failure: 'connection' });
    const forbidden = submit(script('echo "pods is forbidden: User x cannot create"; exit 1'), [null]);
    await expect(forbidden.done).rejects.toMatchObject({ code: 'Forbidden' });
  });

  test('takes a driver that spark-submit itself takes back for none', async () => {
    const leaving = { metadata: { ...MADE.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    await expect(submit(script('exit 1'), [null, leaving]).done).rejects.toMatchObject({ code: 'Refused' });
  });

  test('ends spark-submit when the run is killed', async () => {
    const kill = new AbortController();
    const run = submit(script('echo up; exec sleep 600'), [null], kill.signal);
    const killed = expect(run.done).rejects.toThrow('was told to end');
    while (run.events.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    kill.abort();
    await killed;
  });

  test('says what is needed where there is no spark-submit', async () => {
    await expect(submit(join(folder, 'nowhere'), [null]).done).rejects.toMatchObject({
      code: 'InvalidRequest',
      message: expect.stringMatching(/ENOENT.*needs Spark and Java here/) as string,
    });
  });
});
