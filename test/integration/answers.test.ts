import { ENV } from '../../constructs/contract.js';
import { TestNamespace } from './support/cluster.js';
import { type Fault, FaultProxy, POD_LIST, type ProxiedRequest } from './support/fault-proxy.js';
import { LauncherProcess } from './support/launcher-process.js';
import { HOLD, launch, launches } from './support/launches.js';
import { until } from './support/until.js';

jest.setTimeout(60_000);

const isCreate = ({ method, path }: ProxiedRequest): boolean => method === 'POST' && path.endsWith('/pods');
const isWatch = ({ path }: ProxiedRequest): boolean => path.includes('watch=true');
const isList = ({ path }: ProxiedRequest): boolean => POD_LIST.test(path);

/** This fault for the first requests of a kind, and none for the others. */
function first(count: number, kind: (request: ProxiedRequest) => boolean, fault: Fault): FaultProxy['fault'] {
  let left = count;
  return (request) => {
    if (!kind(request) || left === 0) {
      return null;
    }
    left -= 1;
    return fault;
  };
}

describe('a launcher that gets answers that cannot be read to their end', () => {
  let namespace: TestNamespace;
  let proxy: FaultProxy;
  let launcher: LauncherProcess;

  beforeEach(async () => {
    namespace = await TestNamespace.create('answers');
    proxy = await FaultProxy.start(namespace.kubeconfig);
    launcher = new LauncherProcess(namespace.policy(), proxy.kubeconfig);
  });

  afterEach(async () => {
    await launcher.stop();
    proxy.close();
    await namespace.delete();
  });

  const state = async (): Promise<unknown> => [await namespace.state(), proxy.requests.slice(-20), launcher.log()];

  test('makes one pod of a create whose answer is cut short', async () => {
    await launcher.start();
    const client = await launcher.connect();
    await client.synced();
    const truncate = first(20, isCreate, 'truncate-answer');
    // No watch shows the pod in place of the answer.
    proxy.fault = (request) => (isWatch(request) ? 'cut' : truncate(request));
    proxy.cutWatches();
    const some = launches(20, { podOverride: HOLD });
    client.launch(some);
    client.holdLease();
    await until('all are created', () => some.every(({ id }) => client.kinds(id).includes('CREATED')), { state });
    await until('our own watch saw all', () => namespace.podsPerLaunch().size === some.length, { state });

    expect(new Set(namespace.podsPerLaunch().values())).toEqual(new Set([1]));
    expect(proxy.count('POST', /\/pods$/)).toBe(40);
    expect(client.terminal()).toEqual([]);
    client.close();
  });

  test('takes no list for whole that is cut short, or that is something else', async () => {
    await launcher.start();
    const before = await launcher.connect();
    await before.synced();
    const some = launches(5, { podOverride: HOLD });
    before.launch(some);
    before.holdLease();
    await until('all run', () => some.every(({ id }) => before.kinds(id).includes('RUNNING')), { state });

    const answers: Fault[] = ['truncate-answer', { status: 200, body: '' }, { status: 200, body: '{}' }];
    const expired = { status: 410, body: JSON.stringify({ kind: 'Status', code: 410, reason: 'Expired' }) };
    const expire = first(1, isWatch, expired);
    proxy.fault = (request) => (isList(request) ? (answers.shift() ?? null) : expire(request));
    proxy.cutWatches();
    await until('a whole list', () => proxy.count('GET', POD_LIST) === 5, { state });
    await namespace.release(await namespace.pods());
    await until('all ends', () => before.terminal().length === some.length, { state });

    expect(answers).toEqual([]);
    expect(new Set(before.terminal().map((event) => event.kind))).toEqual(new Set(['SUCCEEDED']));
    before.close();
  });

  test.each(['truncate-answer', 'endless-answer'] as const)('misses nothing when a watch meets: %s', async (fault) => {
    launcher = new LauncherProcess(namespace.policy(), proxy.kubeconfig, { [ENV.WATCH_SILENCE]: '2' });
    await launcher.start();
    const client = await launcher.connect();
    await client.synced();
    const one = launch({ podOverride: HOLD });
    client.launch([one]);
    client.holdLease();
    await until('it runs', () => client.kinds(one.id).includes('RUNNING'), { state });

    const watches = proxy.count('GET', /watch=true/);
    proxy.fault = first(1, isWatch, fault);
    proxy.cutWatches();
    await until('the spoilt watch', () => proxy.count('GET', /watch=true/) > watches, { state });
    await namespace.release(await namespace.pods());
    await until('its end', () => client.kinds(one.id).includes('SUCCEEDED'), { state });

    // Half an event is no event: the watch was resumed before it, and nothing had to be listed.
    expect(client.kinds(one.id)).toEqual(['CREATED', 'RUNNING', 'SUCCEEDED']);
    expect(proxy.count('GET', /watch=true/)).toBe(watches + 2);
    expect(proxy.count('GET', POD_LIST)).toBe(1);
    client.close();
  });
});
