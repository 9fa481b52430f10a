import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildSync } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { parseAllDocuments } from 'yaml';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

describe('the compiled default stack', () => {
  const work = mkdtempSync(path.join(tmpdir(), 'main-'));
  const program = path.join(work, 'main.js');

  const synth = (name: string): string => {
    const outdir = path.join(work, name);
    execFileSync(process.execPath, [program], { env: { ...process.env, CDK8S_OUTDIR: outdir } });
    expect(readdirSync(outdir)).toEqual(['airflow.k8s.yaml']);
    return readFileSync(path.join(outdir, 'airflow.k8s.yaml'), 'utf8');
  };

  beforeAll(() => {
    buildSync({
      entryPoints: [path.join(__dirname, '../src/main.ts')],
      outfile: program,
      bundle: true,
      platform: 'node',
      logLevel: 'error',
    });
  });

  afterAll(() => {
    rmSync(work, { recursive: true });
  });

  test('is one file that begins with its namespace, where Pod Security "restricted" is enforced', () => {
    const [namespace, ...others] = parseAllDocuments(synth('one')).map((document) => document.toJS() as Manifest);
    expect(namespace).toEqual({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: 'airflow',
        labels: {
          'pod-security.kubernetes.io/enforce': 'restricted',
          'pod-security.kubernetes.io/warn': 'restricted',
        },
      },
    });
    for (const { metadata } of others) expect(metadata.namespace).toBe('airflow');
    expect(others.map(({ kind }) => kind)).toContain('PersistentVolumeClaim');
  });

  test('is the same, byte for byte, when synthesized twice', () => {
    expect(synth('once')).toBe(synth('again'));
  });
});
