import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseManifest, readManifests } from '../../../src/cli/kube/manifests.js';

describe('manifests', () => {
  test('are every object of every YAML file of a folder, by file name', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'manifests-'));
    try {
      const object = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;
      writeFileSync(join(folder, 'b.yaml'), object('c'));
      writeFileSync(join(folder, 'a.k8s.yml'), `${object('a')}---\n---\n${object('b')}`);
      writeFileSync(join(folder, 'notes.txt'), 'not read');
      expect((await readManifests(folder)).map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('that do not exist are refused with what to do', async () => {
    await expect(readManifests('/nowhere/k8s')).rejects.toThrow('run "cdk8s synth"');
  });

  test('that are no YAML, or no Kubernetes object, are refused by file', () => {
    expect(() => parseManifest('a: [', 'x.yaml')).toThrow(/^x\.yaml: /);
    expect(() => parseManifest('kind: Pod', 'x.yaml')).toThrow(
      'x.yaml: an object lacks apiVersion, kind or metadata.name',
    );
  });
});
