import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchPolicy } from '../../../constructs/contract.js';
import { ConfigFolder } from '../../../src/runtime/config/config-folder.js';
import { parseLaunchPolicy } from '../../../src/runtime/config/launch-policy.js';
import { parsePodTemplate } from '../../../src/runtime/config/pod-template.js';
import { launchPolicy } from '../support/policy.js';

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const POLICY = launchPolicy({ maxPendingPods: 10, pendingTimeoutSeconds: 600 });
const TEMPLATE = 'spec: {containers: [{name: base, image: a}]}';
const image = (name: string): string => `spec: {containers: [{name: base, image: ${name}}]}`;

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

  test('takes queues with a template, a namespace, both or neither', () => {
    const queues = { gpu: { template: 'pod_template_file.gpu.yaml' }, a: { namespace: 'jobs' }, 'b/c': {} };
    expect(parseLaunchPolicy(JSON.stringify({ ...POLICY, queues })).queues).toEqual(queues);
  });

  test.each([
    [[], `'queues' ([]) must be an object by queue`],
    [{ gpu: 'x' }, `'queues.gpu' ("x") must be an object with 'template' or 'namespace'`],
    [{ gpu: { template: '../x.yaml' } }, `'queues.gpu.template' ("../x.yaml") must be a file name`],
    [{ gpu: { template: '..data' } }, `'queues.gpu.template' ("..data") must be a file name`],
    [{ gpu: { namespace: 'other' } }, `'queues.gpu.namespace' ("other") must be one of 'namespaces'`],
  ])('is refused with the queues %j', (queues, message) => {
    expect(() => parseLaunchPolicy(JSON.stringify({ ...POLICY, queues }))).toThrow(message);
  });
});

test.each([
  ['a: [', 'is not YAML'],
  ['kind: Job\nspec: {}', `'kind' ("Job") must be Pod`],
  ['kind: Pod', `'spec' is missing`],
  ['spec: {containers: [{name: worker}]}', `has no container 'base'`],
  ['spec: {containers: [{name: base, env: {A: b}}]}', `'env' must be a list of objects`],
  ['metadata: {labels: [a]}\nspec: {containers: [{name: base}]}', `'labels' must be an object`],
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
    expect(config.current().policy).toEqual({ ...POLICY, maxPods: 7, queues: {} });
    swap(folder, 'three', '{');
    await config.reload();
    expect(config.current().policy.maxPods).toBe(7);
    config.close();
  });

  /** As somebody edits a plain folder. */
  function write(files: Record<string, string>, folder = mkdtempSync(join(tmpdir(), 'config-'))): string {
    for (const [file, text] of Object.entries(files)) {
      writeFileSync(join(folder, file), text);
    }
    return folder;
  }
  const gpu = (policy: Partial<LaunchPolicy> = {}): string =>
    JSON.stringify({ ...POLICY, queues: { gpu: { template: 'gpu.yaml' } }, ...policy });

  test('is refused at the start when the policy is missing or the folder is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'config-'));
    await expect(ConfigFolder.open(folder, SILENT)).rejects.toThrow('launch-policy.json: cannot be read from');
    await expect(ConfigFolder.open(join(folder, 'none'), SILENT)).rejects.toThrow('launch-policy.json: cannot be');
  });

  test('has a template for each queue that the policy gives one, and the default one for all others', async () => {
    const folder = write({
      'launch-policy.json': gpu(),
      'pod_template_file.yaml': TEMPLATE,
      'gpu.yaml': image('cuda'),
    });
    const { templates } = (await ConfigFolder.open(folder, SILENT)).current();
    expect(templates.of('gpu')).toEqual({ spec: { containers: [{ name: 'base', image: 'cuda' }] } });
    for (const queue of ['default', 'unknown', 'constructor']) {
      expect(templates.of(queue)).toEqual({ spec: { containers: [{ name: 'base', image: 'a' }] } });
    }
  });

  test('with a wrong template at the start fails the launches that need it, until it is mended', async () => {
    const folder = write({ 'launch-policy.json': gpu(), 'pod_template_file.yaml': TEMPLATE, 'gpu.yaml': 'spec: [' });
    const errors: string[] = [];
    const log = { ...SILENT, error: (_: unknown, message?: string) => errors.push(message ?? '') };
    const config = await ConfigFolder.open(folder, log);
    expect(errors).toEqual([
      expect.stringContaining('tasks that need these pod templates will fail: gpu.yaml: is not YAML') as string,
    ]);
    expect(() => config.current().templates.of('gpu')).toThrow('gpu.yaml: is not YAML');
    expect(config.current().templates.of('default')).toBeDefined();
    write({ 'gpu.yaml': image('mended') }, folder);
    await config.reload();
    expect(config.current().templates.of('gpu')).toMatchObject({ spec: { containers: [{ image: 'mended' }] } });
  });

  test('keeps the last good one of each template, and takes the others over', async () => {
    const folder = write({
      'launch-policy.json': gpu(),
      'pod_template_file.yaml': TEMPLATE,
      'gpu.yaml': image('cuda'),
    });
    const config = await ConfigFolder.open(folder, SILENT);
    write({ 'gpu.yaml': 'kind: Job', 'pod_template_file.yaml': image('new') }, folder);
    await config.reload();
    expect(config.current().templates.of('gpu')).toMatchObject({ spec: { containers: [{ image: 'cuda' }] } });
    expect(config.current().templates.of('default')).toMatchObject({ spec: { containers: [{ image: 'new' }] } });
    rmSync(folder, { recursive: true });
    await config.reload();
    expect(config.current().templates.of('default')).toMatchObject({ spec: { containers: [{ image: 'new' }] } });
  });

  test('changes no queue while its namespaces wait for a restart', async () => {
    const folder = write({
      'launch-policy.json': gpu(),
      'pod_template_file.yaml': TEMPLATE,
      'gpu.yaml': image('cuda'),
    });
    const config = await ConfigFolder.open(folder, SILENT);
    write(
      { 'launch-policy.json': gpu({ namespaces: ['jobs', 'b'], maxPods: 3, queues: { gpu: { namespace: 'b' } } }) },
      folder,
    );
    await config.reload();
    expect(config.current().policy).toEqual({ ...POLICY, maxPods: 3, queues: { gpu: { template: 'gpu.yaml' } } });
    expect(config.current().templates.of('gpu')).toMatchObject({ spec: { containers: [{ image: 'cuda' }] } });
  });
});
