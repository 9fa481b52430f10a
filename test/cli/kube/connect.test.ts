import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connect, LOCAL_CONTEXT, localKubeconfig } from '../../../src/cli/kube/connect.js';

function kubeconfig(current: string, contexts: Readonly<Record<string, string>>): string {
  const entries = Object.entries(contexts);
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': current,
    clusters: entries.map(([name, server]) => ({ name, cluster: { server } })),
    users: entries.map(([name]) => ({ name, user: { token: 'none' } })),
    contexts: entries.map(([name]) => ({ name, context: { cluster: name, user: name } })),
  });
}

describe('which cluster a command talks to', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'connect-'));
  });
  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  function write(path: string, text: string): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const serverOf = (context: string | undefined, env = {}): string | undefined =>
    connect(context, { HOME: home, ...env }).getCurrentCluster()?.server;

  test('is never the current context of the kubeconfig', () => {
    write(join(home, '.kube', 'config'), kubeconfig('production', { production: 'https://prod.invalid' }));
    expect(() => serverOf(undefined)).toThrow(
      'No cluster is named, and the local one is not running. Pass --context NAME (there are: production), or start the local cluster with "cdk8s-airflow up".',
    );
  });

  test('is the one that --context names, whatever the current one is', () => {
    const both = { production: 'https://prod.invalid', staging: 'https://staging.invalid' };
    write(join(home, '.kube', 'config'), kubeconfig('production', both));
    expect(serverOf('staging')).toBe('https://staging.invalid');
  });

  test('is looked for in every file of KUBECONFIG', () => {
    write(join(home, 'a'), kubeconfig('a', { a: 'https://a.invalid' }));
    write(join(home, 'b'), kubeconfig('b', { b: 'https://b.invalid' }));
    expect(serverOf('b', { KUBECONFIG: `${join(home, 'a')}:${join(home, 'b')}` })).toBe('https://b.invalid');
  });

  test('is refused when the context does not exist, with those that do', () => {
    write(join(home, '.kube', 'config'), kubeconfig('a', { a: 'https://a.invalid' }));
    expect(() => serverOf('b')).toThrow(`There is no context 'b' in ${join(home, '.kube', 'config')}; there are: a.`);
    expect(() => connect('b', { HOME: join(home, 'none') })).toThrow("There is no context 'b'");
  });

  test('is the local cluster without --context, while that one exists', () => {
    write(localKubeconfig({ HOME: home }), kubeconfig(LOCAL_CONTEXT, { [LOCAL_CONTEXT]: 'https://local.invalid' }));
    write(join(home, '.kube', 'config'), kubeconfig('production', { production: 'https://prod.invalid' }));
    expect(serverOf(undefined)).toBe('https://local.invalid');
    expect(serverOf('production')).toBe('https://prod.invalid');
  });

  test('the local cluster keeps its state where XDG_STATE_HOME says', () => {
    expect(localKubeconfig({ HOME: home, XDG_STATE_HOME: '/state' })).toBe('/state/cdk8s-airflow/cluster/kubeconfig');
  });
});
