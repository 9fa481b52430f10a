import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Http2ObjectApi } from '../../../src/runtime/api/http2-object-api.js';
import { collectionOf, Discovery } from '../../../src/runtime/run/discovery.js';
import { RunError } from '../../../src/runtime/run/events.js';

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly contentType: string | undefined;
  readonly body: string;
}

const JOBS = { apiVersion: 'batch/v1', plural: 'jobs', namespace: 'team' };
const NODES = { apiVersion: 'v1', plural: 'nodes', namespace: null };
const PATIENCE = { patienceMs: 5000, signal: new AbortController().signal };

/** A peer that speaks HTTP/2 and answers as it is told. */
describe('ObjectApi', () => {
  const seen: Seen[] = [];
  let answers: { status: number; body: unknown }[] = [];
  let server: http2.Http2Server;
  let api: Http2ObjectApi;

  beforeAll(async () => {
    server = http2.createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        const { method, url: path } = request;
        seen.push({ method, path, contentType: request.headers['content-type'], body });
        const answer = answers.shift() ?? { status: 500, body: {} };
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const access = { server: `http://127.0.0.1:${port}`, tls: {}, headers: {} };
    api = new Http2ObjectApi({ access: () => Promise.resolve(access), forget: () => undefined }, '0');
  });

  beforeEach(() => {
    seen.length = 0;
    answers = [];
  });

  afterAll(async () => {
    api.close();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });

  const OBJECT = { metadata: { name: 'one', uid: 'u', resourceVersion: '7' } };

  test('applies on the server, and tells whether there was none before', async () => {
    answers = [
      { status: 201, body: OBJECT },
      { status: 200, body: OBJECT },
    ];
    const body = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'one' } };
    expect(await api.apply(JOBS, 'one', body, { fieldManager: 'us' })).toEqual({ object: OBJECT, created: true });
    const more = { fieldManager: 'us', force: true, dryRun: true, strict: true };
    expect(await api.apply(NODES, 'one', body, more)).toMatchObject({ created: false });
    expect(seen).toEqual([
      {
        method: 'PATCH',
        path: '/apis/batch/v1/namespaces/team/jobs/one?fieldManager=us',
        contentType: 'application/apply-patch+yaml',
        body: JSON.stringify(body),
      },
      expect.objectContaining({
        path: '/api/v1/nodes/one?fieldManager=us&force=true&dryRun=All&fieldValidation=Strict',
      }),
    ]);
  });

  test('tries a create without writing, for which the answer has no version', async () => {
    answers = [
      { status: 201, body: { metadata: { uid: 'u' } } },
      { status: 201, body: { metadata: { uid: 'u' } } },
    ];
    await expect(api.create(JOBS, {}, { dryRun: true, strict: true })).resolves.toEqual({ uid: 'u' });
    await expect(api.create(JOBS, {})).rejects.toThrow('no uid or no version');
    expect(seen.map(({ path }) => path)).toEqual([
      '/apis/batch/v1/namespaces/team/jobs?dryRun=All&fieldValidation=Strict',
      '/apis/batch/v1/namespaces/team/jobs',
    ]);
  });

  test('tells which fields were refused', async () => {
    const causes = [{ reason: 'FieldValueRequired', field: 'spec.template', message: 'Required value' }];
    answers = [{ status: 422, body: { kind: 'Status', message: 'bad', reason: 'Invalid', details: { causes } } }];
    await expect(api.apply(JOBS, 'one', {}, { fieldManager: 'us' })).rejects.toMatchObject({
      status: 422,
      causes: [{ field: 'spec.template', message: 'Required value' }],
    });
  });

  test('takes a body that is not of its kind for a bad request, which is never repeated', async () => {
    const message =
      'failed to create typed patch object (/x; batch/v1, Kind=Job): .spec.x: field not declared in schema';
    answers = [
      { status: 500, body: { kind: 'Status', message } },
      { status: 500, body: { kind: 'Status', message: 'etcd is away' } },
    ];
    await expect(api.apply(JOBS, 'one', {}, { fieldManager: 'us' })).rejects.toMatchObject({ status: 400, message });
    await expect(api.apply(JOBS, 'one', {}, { fieldManager: 'us' })).rejects.toMatchObject({ status: 500 });
  });

  test('asks for a right in the words of the API', async () => {
    answers = [{ status: 201, body: { status: { allowed: true } } }];
    expect(await api.mayI({ where: JOBS, verb: 'watch' })).toBe(true);
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({
      spec: { resourceAttributes: { namespace: 'team', group: 'batch', resource: 'jobs', verb: 'watch' } },
    });
  });

  test('finds a kind by asking once for each group and version', async () => {
    const resources = [
      { name: 'jobs/status', kind: 'Job', namespaced: true },
      { name: 'jobs', kind: 'Job', namespaced: true },
      { name: 'things', kind: 'Thing', namespaced: false },
    ];
    answers = [
      { status: 200, body: { resources } },
      { status: 404, body: {} },
    ];
    const discovery = new Discovery(api, PATIENCE);
    const job = await discovery.find('batch/v1', 'Job');
    expect(job).toEqual({ apiVersion: 'batch/v1', plural: 'jobs', namespaced: true });
    const thing = await discovery.find('batch/v1', 'Thing');
    expect(thing && collectionOf(thing, 'team')).toEqual({ apiVersion: 'batch/v1', plural: 'things', namespace: null });
    expect(await discovery.find('batch/v1', 'Cow')).toBeNull();
    expect(await discovery.find('farm.example/v1', 'Cow')).toBeNull();
    expect(seen.map(({ path }) => path)).toEqual(['/apis/batch/v1', '/apis/farm.example/v1']);
  });

  test('asks again for kinds after a failure', async () => {
    answers = [
      { status: 403, body: { kind: 'Status', message: 'no', reason: 'Forbidden' } },
      { status: 200, body: { resources: [{ name: 'pods', kind: 'Pod', namespaced: true }] } },
    ];
    const discovery = new Discovery(api, PATIENCE);
    await expect(discovery.find('v1', 'Pod')).rejects.toThrow(RunError);
    expect(await discovery.find('v1', 'Pod')).toMatchObject({ plural: 'pods' });
  });
});
