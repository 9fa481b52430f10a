import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiextensionsV1Api, KubeConfig } from '@kubernetes/client-node';
import { EXIT_CODES } from '../../constructs/contract.js';
import type { ApplyEvent } from '../../src/runtime/apply/events.js';
import type { ApplyRequestInput } from '../../src/runtime/apply/request.js';
import { RUN_PROTOCOL } from '../../src/runtime/run/request-parts.js';
import { TestNamespace } from './support/cluster.js';
import { FaultProxy } from './support/fault-proxy.js';
import { launcherBundle } from './support/launcher-process.js';
import { runOperator } from './support/operator-task.js';
import { RunProcess } from './support/run-process.js';
import { TestServiceAccount } from './support/service-account.js';
import { until } from './support/until.js';

jest.setTimeout(120_000);

const configMap = (name: string, data = 'x: "1"'): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {${data}}\n`;

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: c, image: "busybox:1", command: [sleep, "600"]}
`;

/** Real objects, with their real controllers. */
describe('apply', () => {
  let namespace: TestNamespace;
  let proxy: FaultProxy;
  const folder = mkdtempSync(join(tmpdir(), 'apply-'));
  const running: RunProcess<ApplyEvent>[] = [];

  beforeAll(async () => {
    namespace = await TestNamespace.create('apply');
    proxy = await FaultProxy.start(namespace.kubeconfig);
    launcherBundle();
  });

  afterEach(() => {
    proxy.fault = () => null;
    proxy.letGo();
    for (const run of running.splice(0)) {
      run.signal('SIGKILL');
    }
  });

  afterAll(async () => {
    proxy.close();
    await namespace.delete();
  });

  const start = (yaml: string, changes: Partial<ApplyRequestInput> = {}, kubeconfig = proxy.kubeconfig) => {
    const request = {
      protocol: RUN_PROTOCOL,
      manifests: [{ source: 'a.yaml', yaml }],
      namespace: namespace.name,
      ...changes,
    };
    const run = new RunProcess<ApplyEvent>(request, kubeconfig, 'apply');
    running.push(run);
    return run;
  };
  const actions = (run: RunProcess<ApplyEvent>): string[] =>
    run.of('object').map(({ kind, name, action }) => `${kind} ${name} ${action}`);
  const hasConfigMap = async (name: string): Promise<boolean> =>
    (await namespace.core.listNamespacedConfigMap({ namespace: namespace.name })).items.some(
      ({ metadata }) => metadata?.name === name,
    );

  test('refuses all documents for one wrong field, with file, line and field, before anything is changed', async () => {
    const wrong = DEPLOYMENT.replace('selector:', 'replcas: 2\n  selector:');
    const missing = 'apiVersion: farm.example/v1\nkind: Cow\nmetadata: {name: elsie}\n';
    const elsewhere = configMap('far').replace('name: far', 'name: far, namespace: no-such-namespace');
    const run = start([configMap('first'), wrong, missing, elsewhere].join('---\n'));
    expect(await run.ended()).toBe(EXIT_CODES.CONFIG);
    const { code, message } = run.one('error');
    expect(code).toBe('InvalidRequest');
    expect(message.split('; ')).toEqual([
      "a.yaml:20: 'kind' (Cow of farm.example/v1) is no kind that this API server has",
      "a.yaml:10: 'spec.replcas' is no field of this kind",
      'a.yaml:25: \'metadata.namespace\' namespaces "no-such-namespace" not found',
    ]);
    expect(await hasConfigMap('first')).toBe(false);
  });

  test('applies, waits by a watch and never polls, knows what is unchanged, deletes', async () => {
    const yaml = [configMap('settings'), DEPLOYMENT].join('---\n');
    const wait = ['Deployment:condition=Available'];
    const before = proxy.requests.length;
    const first = start(yaml, { wait });
    expect(await first.ended()).toBe(EXIT_CODES.OK);
    expect(actions(first)).toEqual(['ConfigMap settings created', 'Deployment web created']);
    expect(first.one('met')).toMatchObject({ kind: 'Deployment', namespace: namespace.name });
    const requests = proxy.requests.slice(before).map(({ method, path }) => `${method} ${path.split('?')[0] ?? ''}`);
    const deployments = `/apis/apps/v1/namespaces/${namespace.name}/deployments`;
    // Tried, applied, watched.
    expect(requests.filter((one) => one.includes(deployments))).toEqual([
      `PATCH ${deployments}/web`,
      `PATCH ${deployments}/web`,
      `GET ${deployments}`,
    ]);

    const second = start(yaml.replace('"1"', '"2"'), { wait });
    expect(await second.ended()).toBe(EXIT_CODES.OK);
    expect(actions(second)).toEqual(['ConfigMap settings configured', 'Deployment web unchanged']);

    const gone = start(yaml, { action: 'delete', wait: ['deleted'] });
    expect(await gone.ended()).toBe(EXIT_CODES.OK);
    expect(actions(gone)).toEqual(['Deployment web deleted', 'ConfigMap settings deleted']);
    const again = start(yaml, { action: 'delete', wait: ['deleted'] });
    expect(await again.ended()).toBe(EXIT_CODES.OK);
    expect(actions(again)).toEqual(['Deployment web absent', 'ConfigMap settings absent']);
  });

  test('goes on waiting where it was when its watch breaks', async () => {
    const run = start(configMap('late'), { wait: ['{.data.y}=2'] });
    await run.until('it is applied', ({ type }) => type === 'object');
    const isWatch = ({ path }: { path: string }): boolean => path.includes('watch=true');
    await until('it is watched', () => proxy.requests.some(isWatch));
    proxy.fault = (request) => (isWatch(request) ? 'cut' : null);
    proxy.cutWatches();
    const body = [{ op: 'add', path: '/data/y', value: '2' }];
    await namespace.core.patchNamespacedConfigMap({ name: 'late', namespace: namespace.name, body });
    proxy.fault = () => null;
    expect(await run.ended()).toBe(EXIT_CODES.OK);
    expect(run.one('met').condition).toBe('{.data.y}=2');
  });

  test('stops waiting when a condition holds that means failure', async () => {
    const job = `apiVersion: batch/v1
kind: Job
metadata: {name: broken}
spec:
  backoffLimit: 0
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: "busybox:1", command: ["false"]}]}}
`;
    const run = start(job, { wait: ['condition=Complete'], failOn: ['condition=Failed'], onFinish: 'delete' });
    expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
    const { message, objects, reason } = run.one('ended');
    expect(reason).toBe('ConditionFailed');
    expect(message).toContain('BackoffLimitExceeded');
    expect(objects).toMatchObject([{ kind: 'Job', name: 'broken', fate: 'deleted' }]);
  });

  test('tells at its timeout what has not come, and what the object says', async () => {
    const run = start(DEPLOYMENT.replace('busybox:1', 'no-such-image.invalid/x:1').replace(/web/g, 'stuck'), {
      wait: ['condition=Available'],
      timeoutSeconds: 1,
      onFinish: 'delete',
    });
    expect(await run.ended()).toBe(EXIT_CODES.POD_FAILED);
    const { message, reason } = run.one('ended');
    expect(reason).toBe('Timeout');
    expect(message).toMatch(
      /not met in 1 s: Deployment \S+\/stuck: condition=Available \(.*MinimumReplicasUnavailable/,
    );
  });

  test('creates once: a later try of the task goes on, anybody else is refused', async () => {
    const task = { dagId: 'dag', taskId: 'task', runId: 'run', tryNumber: 1 };
    const first = start(configMap('once'), { action: 'create', task });
    expect(await first.ended()).toBe(EXIT_CODES.OK);
    const later = start(configMap('once'), { action: 'create', task: { ...task, tryNumber: 2 } });
    expect(await later.ended()).toBe(EXIT_CODES.OK);
    expect(actions(later)).toEqual(['ConfigMap once reattached']);
    const other = start(configMap('once'), { action: 'create', task: { ...task, runId: 'other' } });
    expect(await other.ended()).toBe(EXIT_CODES.CONFIG);
    expect(other.one('error').message).toContain("a.yaml:3: 'metadata.name' ConfigMap");
  });

  test('makes one object of a create whose answer is lost', async () => {
    let lost = false;
    proxy.fault = ({ method, path }) => {
      const first = method === 'POST' && path.endsWith('configmaps?fieldValidation=Strict') && !lost;
      lost ||= first;
      return first ? 'truncate-answer' : null;
    };
    const run = start(configMap('answerless'), { action: 'create' });
    expect(await run.ended()).toBe(EXIT_CODES.OK);
    expect(lost).toBe(true);
    expect(actions(run)).toEqual(['ConfigMap answerless created']);
  });

  test('told to end, it deletes what it made and leaves what was there', async () => {
    const before = start(configMap('there-before'));
    expect(await before.ended()).toBe(EXIT_CODES.OK);
    const run = start([configMap('there-before', 'y: "2"'), configMap('made')].join('---\n'), {
      wait: ['jsonpath={.data.never}'],
      onKill: 'delete',
    });
    await run.until('both are applied', ({ type }) => type === 'object' && actions(run).length === 2);
    run.signal('SIGTERM');
    expect(await run.ended()).toBe(EXIT_CODES.KILLED);
    expect(run.one('ended').objects).toMatchObject([
      { name: 'there-before', fate: 'kept' },
      { name: 'made', fate: 'deleted' },
    ]);
    expect([await hasConfigMap('there-before'), await hasConfigMap('made')]).toEqual([true, false]);
  });

  test('a later try still knows what an earlier one made, and deletes it at its end', async () => {
    const task = { dagId: 'dag', taskId: 'temporary', runId: 'run', tryNumber: 1 };
    const first = start(configMap('temporary'), { task, wait: ['jsonpath={.data.never}'], onFinish: 'delete' });
    await first.until('it is applied', ({ type }) => type === 'object');
    first.closeInput();
    expect(await first.ended()).toBe(EXIT_CODES.DETACHED);
    expect(await hasConfigMap('temporary')).toBe(true);
    const second = start(configMap('temporary'), { task: { ...task, tryNumber: 2 }, onFinish: 'delete' });
    expect(await second.ended()).toBe(EXIT_CODES.OK);
    expect(await hasConfigMap('temporary')).toBe(false);
  });

  test('names every right that is missing before anything is changed', async () => {
    const account = await TestServiceAccount.create(namespace, 'reader', ['get', 'create', 'patch']);
    await account.useToken('reader-token');
    const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: "busybox:1"}]}\n';
    const yaml = [pod, configMap('forbidden')].join('---\n');
    const run = start(yaml, { wait: ['Pod:condition=Ready'], onKill: 'delete' }, account.kubeconfig);
    expect(await run.ended()).toBe(EXIT_CODES.PERMISSION);
    const { code, message } = run.one('error');
    expect(code).toBe('Forbidden');
    expect(message).toContain('cannot patch resource "configmaps"');
    expect(message).toContain("not allowed to watch pods 'p'");
    expect(message).toContain("not allowed to delete pods 'p'");
    expect(await namespace.pods()).toEqual([]);
  });

  test('makes a namespace and a kind first, and undoes them when what needs them is refused', async () => {
    const suffix = randomBytes(3).toString('hex');
    const name = `${namespace.name}-late`;
    const group = `g${suffix}.example.com`;
    const definition = (kind: string): string => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ${kind.toLowerCase()}s.${group}}
spec:
  group: ${group}
  scope: Namespaced
  names: {kind: ${kind}, plural: ${kind.toLowerCase()}s}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {n: {type: integer}}}}}}
`;
    const thing = (spec: string): string =>
      `apiVersion: ${group}/v1\nkind: Thing\nmetadata: {name: t, namespace: ${name}}\nspec: {${spec}}\n`;
    const space = `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}}\n`;
    const config = new KubeConfig();
    config.loadFromFile(namespace.kubeconfig);
    const definitions = config.makeApiClient(ApiextensionsV1Api);
    try {
      const wrong = start([thing('m: 1'), space, definition('Thing')].join('---\n'));
      expect(await wrong.ended()).toBe(EXIT_CODES.CONFIG);
      expect(wrong.one('error').message).toContain("a.yaml:4: 'spec.m'");
      expect(actions(wrong).filter((one) => one.endsWith('deleted'))).toHaveLength(2);

      const other = `${name}-2`;
      const good = start([thing('n: 1'), space, definition('Thing')].join('---\n').replaceAll(name, other));
      expect(await good.ended()).toBe(EXIT_CODES.OK);
      expect(actions(good).at(-1)).toBe('Thing t created');
    } finally {
      await definitions.deleteCustomResourceDefinition({ name: `things.${group}` }).catch(() => undefined);
      await namespace.core.deleteNamespace({ name: `${name}-2` }).catch(() => undefined);
    }
  });

  test('waits for a claim to be bound, but not for one that only a pod binds: by refusal, or by choice', async () => {
    const lazy = `lazy-${randomBytes(3).toString('hex')}`;
    const storageClass = `apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: ${lazy}}
provisioner: rancher.io/local-path
volumeBindingMode: WaitForFirstConsumer
`;
    const claim = (name: string): string => `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data-${name}}
spec: {accessModes: [ReadWriteOnce], storageClassName: ${name}, resources: {requests: {storage: 1Mi}}}
`;
    const wait = ['jsonpath={.status.phase}=Bound'];
    expect(await start(storageClass).ended()).toBe(EXIT_CODES.OK);
    try {
      const [bound, refused, skipped] = [
        start(claim('local-path'), { wait, onFinish: 'delete' }),
        start(claim(lazy), { wait }),
        start(claim(lazy), { wait, firstConsumer: 'skip', onFinish: 'delete' }),
      ];
      expect(await Promise.all([bound, refused, skipped].map((run) => run.ended()))).toEqual([
        EXIT_CODES.OK,
        EXIT_CODES.CONFIG,
        EXIT_CODES.OK,
      ]);
      expect(bound.one('met').condition).toBe(wait[0]);
      expect(refused.one('error').message).toContain(
        `a.yaml:4: 'spec.storageClassName' (${lazy}) binds a claim only when a pod uses it`,
      );
      expect(skipped.one('warning').message).toContain('is bound when a pod uses it');

      // A Role says nothing of storage classes: the claim's events tell.
      const account = await TestServiceAccount.create(
        namespace,
        'claimer',
        ['get'],
        [
          {
            apiGroups: [''],
            resources: ['persistentvolumeclaims'],
            verbs: ['create', 'delete', 'get', 'patch', 'watch'],
          },
          { apiGroups: [''], resources: ['events'], verbs: ['list'] },
        ],
      );
      await account.useToken('claimer-token');
      const blind = { wait, firstConsumer: 'skip', onFinish: 'delete' } as const;
      const told = start(claim(lazy).replace('data-', 'blind-'), blind, account.kubeconfig);
      expect(await told.ended()).toBe(EXIT_CODES.OK);
      expect(told.one('warning').message).toContain('is bound when a pod uses it');
    } finally {
      await start(storageClass, { action: 'delete' }).ended();
    }
  });

  test('follows a pod from the shell, with its log and its exit code', () => {
    const file = join(folder, 'pod.yaml');
    const spec =
      '{restartPolicy: Never, containers: [{name: c, image: "busybox:1", command: [sh, -c, "echo hi; exit 7"]}]}';
    writeFileSync(file, `apiVersion: v1\nkind: Pod\nmetadata: {name: said}\nspec: ${spec}\n`);
    const args = [launcherBundle(), 'apply', file, '--follow', '--rm', '--namespace', namespace.name];
    const { status, stderr, stdout } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, KUBECONFIG: namespace.kubeconfig },
    });
    expect({ status, stdout }).toEqual({ status: 7, stdout: 'hi\n' });
    expect(stderr).toContain(`Pod ${namespace.name}/said deleted`);
  });

  test('is what YamlOperator and VolumeClaimOperator do, without a Kubernetes client', () => {
    const where = { namespace: namespace.name, config_file: namespace.kubeconfig };
    const applied = runOperator('yaml:YamlOperator', {
      ...where,
      manifest: configMap('by-operator'),
      wait_for: '{.data.x}=1',
    });
    expect(applied).toMatchObject({ result: [{ name: 'by-operator', fate: 'kept' }], kubernetesModules: [] });
    const refused = runOperator('yaml:YamlOperator', { ...where, manifest: `${configMap('wrong')}dta: {}\n` });
    expect(refused.message).toBe("InvalidRequest: manifest:5: 'dta' is no field of this kind");
    const claim = { ...where, name: 'by-operator', size: '1Mi', wait: 'bound', on_finish_action: 'delete' };
    expect(runOperator('volume_claim:VolumeClaimOperator', claim)).toMatchObject({
      result: [{ kind: 'PersistentVolumeClaim', fate: 'deleted' }],
    });
  });
});
