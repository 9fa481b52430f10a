import { Executor } from '../../constructs/index.js';
import type { KubeObject } from '../../src/cli/kube/objects.js';
import { TestNamespace } from './support/cluster.js';
import { RunProcess } from './support/run-process.js';
import { TaskAccounts } from './support/task-accounts.js';
import { until } from './support/until.js';

jest.setTimeout(180_000);

const IMAGE = 'busybox:1';
/** The service account of tasks that name none. */
const WORKER = 'airflow-airflow-worker';

/** The `spec` of a pod, but for its one container. */
interface Spec {
  readonly container?: object;
  readonly [field: string]: unknown;
}

/** Every way in which a pod can refer to a Secret. */
const WAYS: readonly (readonly [way: string, spec: (secret: string) => Spec])[] = [
  [
    'a variable',
    (name) => ({ container: { env: [{ name: 'A', valueFrom: { secretKeyRef: { name, key: 'key' } } }] } }),
  ],
  ['all variables', (name) => ({ container: { envFrom: [{ secretRef: { name } }] } })],
  [
    'a variable of an init container',
    (name) => ({ initContainers: [{ name: 'first', image: IMAGE, envFrom: [{ secretRef: { name } }] }] }),
  ],
  ['a volume', (name) => ({ volumes: [{ name: 'v', secret: { secretName: name } }] })],
  ['a projected volume', (name) => ({ volumes: [{ name: 'v', projected: { sources: [{ secret: { name } }] } }] })],
  ['a pull secret', (name) => ({ imagePullSecrets: [{ name }] })],
];

describe('tasks that may know one Secret', () => {
  let namespace: TestNamespace;
  let accounts: TaskAccounts;

  const object = (apiVersion: string, kind: string, name: string, rest: object = {}): KubeObject => ({
    ...{ apiVersion, kind, metadata: { name, namespace: namespace.name } },
    ...rest,
  });
  const podSpec = ({ container, ...spec }: Spec): object => ({
    ...{ restartPolicy: 'Never', containers: [{ name: 'base', image: IMAGE, ...container }] },
    ...spec,
  });
  const pod = (spec: Spec, name = 'probe', labels = {}): KubeObject => ({
    ...object('v1', 'Pod', name, { spec: podSpec(spec) }),
    metadata: { name, labels, namespace: namespace.name },
  });
  const make = (made: KubeObject): Promise<unknown> => {
    const path = `/api/v1/namespaces/${namespace.name}/${made.kind.toLowerCase()}s`;
    return accounts.admin.request('POST', path, { body: made });
  };
  const tried = (account: string, made: KubeObject): Promise<string> => accounts.attempt(account, 'POST', made);
  const run = (container: object): RunProcess => {
    const manifest = { spec: podSpec({ container }) };
    const layers = [{ source: 'test', manifest: manifest as Record<string, unknown> }];
    return new RunProcess({ protocol: 1, layers, namespace: namespace.name }, accounts.kubeconfig(WORKER));
  };

  beforeAll(async () => {
    namespace = await TestNamespace.create('need-to-know');
    accounts = new TaskAccounts(namespace);
    for (const name of ['mine', 'yours', 'airflow-fernet-key']) {
      await make(object('v1', 'Secret', name, { stringData: { key: `the value of ${name}` } }));
    }
    await accounts.create({ executor: Executor.kubernetes() }, ({ tasks }) => {
      tasks.allow({ pods: true, jobs: true, volumeClaims: true, secrets: ['mine'] });
      tasks.allow({ rules: [{ apiGroups: ['batch'], resources: ['cronjobs'], verbs: ['create'] }] });
      tasks.serviceAccount('other').allow({ pods: true, secrets: ['yours'] });
      tasks.serviceAccount('none');
    });
    await until('the policies are in force', async () => {
      const named = pod({ imagePullSecrets: [{ name: 'airflow-fernet-key' }] });
      const answers = await Promise.all([WORKER, 'other'].map((account) => tried(account, named)));
      return answers.every((each) => each.includes('may not use the Secret'));
    });
  });

  afterAll(async () => {
    await accounts.delete();
    await namespace.delete();
  });

  test('have it in their pods', async () => {
    const child = run({ command: ['sh', '-c', 'echo "it is $key"'], envFrom: [{ secretRef: { name: 'mine' } }] });
    expect(await child.ended()).toBe(0);
    expect(child.lines()).toEqual(['it is the value of mine']);
    expect(child.one('ended')).toMatchObject({ outcome: 'succeeded', pod: 'deleted' });
  });

  test('are told so when a pod of theirs names another one', async () => {
    const child = run({ envFrom: [{ secretRef: { name: 'yours' } }] });
    await child.ended();
    expect(child.one('error')).toMatchObject({
      code: 'Forbidden',
      message: expect.stringContaining('may not use the Secret yours') as string,
    });
    expect(child.of('created')).toEqual([]);
  });

  test.each(WAYS)('may use it as %s, and no other one', async (_, spec) => {
    expect(await tried(WORKER, pod(spec('mine')))).toBe('taken');
    expect(await tried(WORKER, pod(spec('yours')))).toMatch(
      /^403 .*tasks of this service account may not use the Secret yours in namespace .*: name it in "secrets" of tasks\.allow/,
    );
    expect(await tried('other', pod(spec('yours')))).toBe('taken');
    expect(await tried('other', pod(spec('mine')))).toContain('may not use the Secret mine');
    expect(await tried('none', pod(spec('mine')))).toContain('cannot create resource "pods"');
  });

  test('may not use another one by a template: of a Job, of a CronJob', async () => {
    const jobSpec = (secret: string): object => ({
      template: { spec: podSpec({ imagePullSecrets: [{ name: secret }] }) },
    });
    const job = (secret: string): KubeObject => object('batch/v1', 'Job', 'probe', { spec: jobSpec(secret) });
    const cronJob = (secret: string): KubeObject => {
      const spec = { schedule: '0 0 * * *', jobTemplate: { spec: jobSpec(secret) } };
      return object('batch/v1', 'CronJob', 'probe', { spec });
    };
    for (const of of [job, cronJob]) {
      expect(await tried(WORKER, of('mine'))).toBe('taken');
      expect(await tried(WORKER, of('yours'))).toContain('may not use the Secret yours');
    }
  });

  test('may read it, and no other one, and list none', async () => {
    const read = (account: string, name: string): Promise<string> =>
      accounts.attempt(account, 'GET', object('v1', 'Secret', name));
    expect(await read(WORKER, 'mine')).toBe('taken');
    expect(await read(WORKER, 'yours')).toContain('cannot get resource "secrets"');
    expect(await read(WORKER, 'airflow-fernet-key')).toContain('cannot get resource "secrets"');
    expect(await read('none', 'mine')).toContain('cannot get resource "secrets"');
    expect(await read(WORKER, '')).toContain('cannot list resource "secrets"');
  });

  test('get at no Secret through a service account, the node or a privilege', async () => {
    const cases: readonly (readonly [spec: Spec, why: string])[] = [
      [{ serviceAccountName: 'other' }, 'may not run under the service account other'],
      [{ serviceAccountName: WORKER }, `may not run under the service account ${WORKER}`],
      [{ container: { securityContext: { privileged: true } } }, 'may not be privileged'],
      [{ container: { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } } }, 'may not be privileged'],
      [{ hostPID: true }, 'may not be privileged'],
      [{ hostNetwork: true }, 'may not be privileged'],
      [{ volumes: [{ name: 'v', hostPath: { path: '/' } }] }, 'volumes of pods of tasks may be emptyDir'],
      [
        { volumes: [{ name: 'v', csi: { driver: 'x', nodePublishSecretRef: { name: 'yours' } } }] },
        'volumes of pods of tasks may be emptyDir',
      ],
    ];
    for (const [spec, why] of cases) {
      expect(await tried(WORKER, pod(spec))).toContain(why);
    }
    const harmless = { volumes: [{ name: 'v', emptyDir: {} }], serviceAccountName: 'default' };
    expect(await tried(WORKER, pod(harmless))).toBe('taken');
  });

  test('leave the stack alone: its pods, its labels, its volumes', async () => {
    const [own, stack] = [pod({}, 'own'), pod({}, 'stack', { release: 'airflow', component: 'scheduler' })];
    await Promise.all([own, stack].map(make));
    const why = 'may neither change nor delete what is of the stack airflow';
    const label = { metadata: { labels: { a: 'b' } } };
    expect(await accounts.attempt(WORKER, 'DELETE', own)).toBe('taken');
    expect(await accounts.attempt(WORKER, 'DELETE', stack)).toContain(why);
    expect(await accounts.attempt(WORKER, 'PATCH', own, label)).toBe('taken');
    expect(await accounts.attempt(WORKER, 'PATCH', stack, label)).toContain(why);
    expect(await tried(WORKER, pod({}, 'probe', { release: 'airflow' }))).toContain(why);

    const claim = (claimName: string): Spec => ({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] });
    expect(await tried(WORKER, pod(claim('scratch')))).toBe('taken');
    expect(await tried(WORKER, pod(claim('data-airflow-postgresql-0')))).toContain('may neither mount nor copy');
    const copyOf = (name: string): KubeObject => {
      const resources = { requests: { storage: '1Mi' } };
      const dataSource = { kind: 'PersistentVolumeClaim', name };
      return object('v1', 'PersistentVolumeClaim', 'copy', {
        spec: { accessModes: ['ReadWriteOnce'], resources, dataSource },
      });
    };
    expect(await tried(WORKER, copyOf('scratch'))).toBe('taken');
    expect(await tried(WORKER, copyOf('data-airflow-postgresql-0'))).toContain('may neither mount nor copy');
  });

  test('may not put a program of theirs into a pod that has another one', async () => {
    const yours = pod({ container: { envFrom: [{ secretRef: { name: 'yours' } }] } }, 'yours');
    await make(yours);
    const change = { spec: { containers: [{ name: 'base', image: 'example.com/thief:1' }] } };
    expect(await accounts.attempt(WORKER, 'PATCH', yours, change)).toContain('may not use the Secret yours');
    expect(await accounts.attempt('other', 'PATCH', yours, change)).toBe('taken');
  });
});
