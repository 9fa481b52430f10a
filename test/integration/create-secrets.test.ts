import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { V1Secret } from '@kubernetes/client-node';
import { TestNamespace } from './support/cluster.js';
import { runLauncher } from './support/launcher-process.js';

jest.setTimeout(60_000);

describe('create-secrets', () => {
  let namespace: TestNamespace;

  beforeAll(async () => {
    namespace = await TestNamespace.create('secrets');
  });

  afterAll(() => namespace.delete());

  const values = async (name: string): Promise<Record<string, string>> => {
    const { data } = await namespace.core.readNamespacedSecret({ name, namespace: namespace.name });
    return Object.fromEntries(
      Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    );
  };

  test('creates what is missing, once, and leaves what exists alone', async () => {
    await namespace.core.createNamespacedSecret({
      namespace: namespace.name,
      body: Object.assign(new V1Secret(), {
        metadata: { name: 'database' },
        stringData: { password: 'given/by@hand' },
      }),
    });
    const file = join(mkdtempSync(join(tmpdir(), 'secrets-')), 'secrets.json');
    const spec = {
      namespace: namespace.name,
      secrets: [
        { name: 'fernet', labels: { tier: 'airflow' }, data: { 'fernet-key': { generate: 'fernet' } } },
        { name: 'database', data: { password: { generate: 'password' } } },
        { name: 'metadata', data: { connection: { template: 'postgresql://airflow:${database/password}@db/a' } } },
      ],
    };
    writeFileSync(file, JSON.stringify(spec));

    runLauncher(['create-secrets', '--spec', file], namespace.kubeconfig);
    const first = await values('fernet');
    expect(Buffer.from(first['fernet-key'] ?? '', 'base64url')).toHaveLength(32);
    expect(await values('database')).toEqual({ password: 'given/by@hand' });
    expect(await values('metadata')).toEqual({ connection: 'postgresql://airflow:given%2Fby%40hand@db/a' });

    runLauncher(['create-secrets', '--spec', file], namespace.kubeconfig);
    expect(await values('fernet')).toEqual(first);
  });
});
