import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

const folder = path.join(__dirname, '../../examples/stacks');

describe('the example stacks', () => {
  const output = mkdtempSync(path.join(tmpdir(), 'examples-'));

  afterAll(() => {
    rmSync(output, { recursive: true });
  });

  test.each(readdirSync(folder).map((file) => path.basename(file, '.ts')))('%s synthesizes', (name) => {
    process.env.CDK8S_OUTDIR = path.join(output, name);
    jest.requireActual(path.join(folder, `${name}.ts`));
    const text = readFileSync(path.join(output, name, 'airflow.k8s.yaml'), 'utf8');
    const manifests = parseAllDocuments(text).map(
      (document) => document.toJS() as { kind: string; metadata: { name: string; namespace: string } },
    );
    const ids = manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(ids).toContain('Deployment/airflow-scheduler');
    const places = manifests.map(({ metadata }, index) => `${metadata.namespace}/${ids[index] ?? ''}`);
    expect(new Set(places).size).toBe(ids.length);
  });
});
