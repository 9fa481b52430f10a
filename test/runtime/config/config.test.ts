import { mkdirSync, mkdtempSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchPolicy } from '../../../constructs/contract.js';
import { ConfigFolder } from '../../../src/runtime/config/config-folder.js';
import { parseLaunchPolicy } from '../../../src/runtime/config/launch-policy.js';
import { parsePodTemplate } from '../../../src/runtime/config/pod-template.js';

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const POLICY: LaunchPolicy = {
  deployment: 'airflow',
  namespaces: ['jobs'],
  maxInFlightCreates: 64,
  maxPendingPods: 10,
  maxPods: 0,
  keepSucceededSeconds: 0,
  keepFailedSeconds: 0,
  pendingTimeoutSeconds: 600,
};
const TEMPLATE = 'spec: {containers: [{name: base, image: a}]}';

describe('the launch policy', () => {
  test('is read as it is', () => {
    expect(parseLaunchPolicy(JSON.stringify(POLICY))).toEqual(POLICY);
  });

  test('is refused with every problem: file, field, value and what it must be', () => {
    const text = JSON.stringify({
      ...POLICY,
      deployment: 'a b',
      namespaces: [],
      maxPods: -1,
      maxPendingPods: undefined,
    });
    expect(() => parseLaunchPolicy(text)).toThrow(
      `launch-policy.json: 'deployment' ("a b") must be a label value of 1 to 63 characters (letters, digits, -, _ and .); ` +
        `launch-policy.json: 'namespaces' ([]) must be a list of at least one namespace name; ` +
        `launch-policy.json: 'maxPendingPods' (missing) must be a whole number of at least 0; ` +
        `launch-policy.json: 'maxPods' (-1) must be a whole number of at least 0`,
    );
  });
});

test.each([
  ['a: [', 'is not YAML'],
  ['kind: Job\nspec: {}', `'kind' ("Job") must be Pod`],
  ['kind: Pod', `'spec' is missing`],
  ['spec: {containers: [{name: worker}]}', `has no container 'base'`],
  ['spec: {restartPolicy: Always, containers: [{name: base}]}', 'must be Never'],
])('the template %j is refused', (text, message) => {
  expect(() => parsePodTemplate(text)).toThrow(message);
});

describe('the folder of the executor ConfigMap', () => {
  /** As the kubelet writes it: the files are links into a folder that a link names, which is swapped. */
  function swap(folder: string, version: string, policy: string): void {
    const data = join(folder, `..${version}`);
    mkdirSync(data);
    writeFileSync(join(data, 'launch-policy.json'), policy);
    writeFileSync(join(data, 'pod_template_file.yaml'), TEMPLATE);
    symlinkSync(`..${version}`, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  }

  test('is followed, and keeps the last good version', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'config-'));
    swap(folder, 'one', JSON.stringify(POLICY));
    for (const file of ['launch-policy.json', 'pod_template_file.yaml']) {
      symlinkSync(join('..data', file), join(folder, file));
    }
    const config = await ConfigFolder.open(folder, SILENT);
    swap(folder, 'two', JSON.stringify({ ...POLICY, maxPods: 7, namespaces: ['elsewhere'] }));
    await config.reload();
    expect(config.current().policy).toEqual({ ...POLICY, maxPods: 7 });
    swap(folder, 'three', '{');
    await config.reload();
    expect(config.current().policy.maxPods).toBe(7);
    config.close();
  });

  test('is refused at the start when a file is missing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'config-'));
    await expect(ConfigFolder.open(folder, SILENT)).rejects.toThrow('launch-policy.json: cannot be read from');
  });
});
