import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { EXIT_CODES } from '../../constructs/contract.js';
import type { HelmEvent } from '../../src/runtime/helm/events.js';
import type { HelmRequestInput } from '../../src/runtime/helm/request.js';
import { RUN_PROTOCOL } from '../../src/runtime/run/request-parts.js';
import { TestNamespace } from './support/cluster.js';
import { launcherBundle } from './support/launcher-process.js';
import { runOperator } from './support/operator-task.js';
import { RunProcess } from './support/run-process.js';
import { until } from './support/until.js';

jest.setTimeout(300_000);

const CHART = resolve('test/integration/support/chart');
/** helm is built when there is none in the cache yet. */
const BUILD_MS = 900_000;
const NO_SUCH_IMAGE = 'no-such-image.invalid/x:1';

/** The real helm with real releases. */
describe('helm', () => {
  let namespace: TestNamespace;
  let helm: string;
  const running: RunProcess<HelmEvent>[] = [];

  beforeAll(async () => {
    namespace = await TestNamespace.create('helm');
    helm = execFileSync('bash', ['scripts/helm.sh'], { encoding: 'utf8' }).trim();
    launcherBundle();
  }, BUILD_MS);

  afterEach(() => {
    for (const run of running.splice(0)) {
      run.signal('SIGKILL');
    }
  });

  afterAll(async () => {
    await namespace.delete();
  });

  const start = (changes: Partial<HelmRequestInput>): RunProcess<HelmEvent> => {
    const request: HelmRequestInput = {
      protocol: RUN_PROTOCOL,
      action: 'upgrade',
      release: 'one',
      chart: CHART,
      namespace: namespace.name,
      timeoutSeconds: 60,
      helm,
      ...changes,
    };
    const run = new RunProcess<HelmEvent>(request, namespace.kubeconfig, 'helm');
    running.push(run);
    return run;
  };
  const greeting = async (release: string): Promise<string | undefined> =>
    (await namespace.core.readNamespacedConfigMap({ namespace: namespace.name, name: release })).data?.greeting;

  test('installs, upgrades, tests, rolls a failed upgrade back, uninstalls', async () => {
    const install = start({});
    expect(await install.ended()).toBe(EXIT_CODES.OK);
    expect(install.one('ended')).toMatchObject({ release: 'one', revision: 1, status: 'deployed' });
    expect(install.lines('helm').join('\n')).toContain('STATUS: deployed');

    const upgrade = start({ values: [{ values: { greeting: 'good day' } }] });
    expect(await upgrade.ended()).toBe(EXIT_CODES.OK);
    expect(upgrade.one('ended')).toMatchObject({ revision: 2, status: 'deployed' });
    expect(await greeting('one')).toBe('good day');

    const failed = start({
      values: [{ values: { greeting: 'never', image: NO_SUCH_IMAGE } }],
      rollbackOnFailure: true,
      timeoutSeconds: 3,
    });
    expect(await failed.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(failed.one('ended')).toMatchObject({ outcome: 'failed', revision: 4, status: 'deployed' });
    expect(await greeting('one')).toBe('good day');

    const invalid = start({ values: [{ values: { greeting: '' } }] });
    expect(await invalid.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(invalid.one('ended').message).toContain('greeting must not be empty');

    const uninstall = start({ action: 'uninstall', chart: null });
    expect(await uninstall.ended()).toBe(EXIT_CODES.OK);
    expect(uninstall.one('ended')).toMatchObject({ revision: null, status: 'uninstalled' });
    expect(await start({ action: 'uninstall', chart: null }).ended()).toBe(EXIT_CODES.OK);
    // Without HOME, as here, helm keeps its cache of kinds in the current folder.
    expect(existsSync('.kube')).toBe(false);
  });

  test("runs a chart's tests, tells their log, and fails with them", async () => {
    expect(await start({ release: 'tested', action: 'install' }).ended()).toBe(EXIT_CODES.OK);
    const test = start({ release: 'tested', action: 'test', chart: null });
    expect(await test.ended()).toBe(EXIT_CODES.OK);
    expect(test.lines('helm').join('\n')).toContain('tested hello');
    const bye = { values: [{ values: { greeting: 'bye' } }] };
    expect(await start({ release: 'tested', ...bye }).ended()).toBe(EXIT_CODES.OK);
    expect(await start({ release: 'tested', action: 'test', chart: null }).ended()).toBe(EXIT_CODES.POD_FAILED);
  });

  test('a release that was left in the middle of its install is cleaned up by the next run', async () => {
    const stuck = { release: 'stuck', values: [{ values: { image: NO_SUCH_IMAGE } }] };
    const folder = mkdtempSync(join(tmpdir(), 'helm-'));
    const telling = join(folder, 'helm');
    writeFileSync(telling, `#!/bin/sh\necho $$ > ${folder}/pid\nexec ${helm} "$@"\n`, { mode: 0o755 });
    const first = start({ ...stuck, helm: telling });
    await until('the release is there', async () => {
      const { items } = await namespace.core.listNamespacedSecret({ namespace: namespace.name });
      return items.some(({ metadata }) => metadata?.name === 'sh.helm.release.v1.stuck.v1');
    });
    // helm itself dies, and can write nothing down.
    process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), 'SIGKILL');
    expect(await first.ended()).toBe(EXIT_CODES.POD_FAILED);
    expect(first.one('ended').status).toBe('pending-install');
    const second = start({ release: 'stuck' });
    expect(await second.ended()).toBe(EXIT_CODES.OK);
    expect(second.one('warning').message).toContain('left in state pending-install');
    expect(second.one('ended')).toMatchObject({ revision: 1, status: 'deployed' });
  });

  test('told to end, it ends helm, which writes down that it failed', async () => {
    const run = start({ release: 'killed', values: [{ values: { image: NO_SUCH_IMAGE } }] });
    await run.until('helm has begun', ({ type }) => type === 'log');
    run.signal('SIGTERM');
    expect(await run.ended()).toBe(EXIT_CODES.KILLED);
    expect(run.one('ended').status).toBe('failed');
  });

  test('says how to mend it that there is no helm', async () => {
    const run = start({ helm: '/no/such/helm' });
    expect(await run.ended()).toBe(EXIT_CODES.CONFIG);
    expect(run.one('error').message).toBe(
      "request: 'helm' (/no/such/helm) is not there: install helm, or say where it is (helm_binary)",
    );
  });

  test('is what HelmOperator runs, and its result is the release', () => {
    const where = { namespace: namespace.name, config_file: namespace.kubeconfig, helm_binary: helm };
    const parameters = { ...where, release: 'by-operator', chart: CHART, values: { greeting: 'hi' } };
    expect(runOperator('helm:HelmOperator', parameters)).toEqual({
      result: { release: 'by-operator', namespace: namespace.name, revision: 1, status: 'deployed' },
      xcoms: {},
      kubernetesModules: [],
    });
  });
});
