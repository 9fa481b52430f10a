import { App, Chart, Size } from 'cdk8s';
import { Airflow, Dags, Database, Executor, ImagePullPolicy, Logs, VERSION } from '../../constructs/index.js';
import packageJson from '../../package.json';
import { container, Stack } from './stack.js';

describe('Airflow', () => {
  const stack = new Stack();

  test('has all workloads by the names of the official chart', () => {
    const names = stack.pods().map(([name]) => name.replace(/-[0-9a-f]{8}$/, '-#'));
    expect(names.sort()).toEqual([
      'airflow-api-server',
      'airflow-create-secrets-#',
      'airflow-create-user-#',
      'airflow-dag-processor',
      'airflow-postgresql',
      'airflow-run-airflow-migrations-#',
      'airflow-scheduler',
      'airflow-triggerer',
    ]);
  });

  test('selects pods by exactly tier, component and release', () => {
    expect(stack.get('Deployment', 'airflow-scheduler').spec.selector).toEqual({
      matchLabels: { tier: 'airflow', component: 'scheduler', release: 'airflow' },
    });
  });

  test('satisfies Pod Security "restricted" in every pod and container', () => {
    for (const [, { spec }] of stack.pods()) {
      expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      for (const each of [...spec.containers, ...(spec.initContainers ?? [])]) {
        expect(each.securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });

  test('fits a node of two cores: all requests together stay below one core', () => {
    const millis = stack
      .pods()
      .flatMap(([, { spec }]) => [...spec.containers, ...(spec.initContainers ?? [])])
      .map((each) => Number.parseInt((each.resources as { requests: { cpu: string } }).requests.cpu, 10));
    expect(millis.reduce((sum, each) => sum + each, 0)).toBeLessThan(800);
  });

  test('has no ClusterRole, for any executor', () => {
    for (const executor of [Executor.kubernetes(), Executor.stockKubernetes(), Executor.local()]) {
      expect(new Stack({ executor }).text()).not.toContain('ClusterRole');
    }
  });

  test('gives each component a service account of its own, and no pod a token unasked', () => {
    const accounts = stack
      .pods()
      .flatMap(([, { spec }]) => (spec.serviceAccountName === undefined ? [] : [spec.serviceAccountName]));
    expect(new Set(accounts).size).toBe(accounts.length);
    for (const [, { spec }] of stack.pods()) expect(spec.automountServiceAccountToken).toBe(false);
    for (const account of stack.all('ServiceAccount')) expect(account.automountServiceAccountToken).toBe(false);
  });

  test('is the same, byte for byte, when synthesized twice', () => {
    expect(new Stack({ dags: Dags.volume() }).text()).toBe(new Stack({ dags: Dags.volume() }).text());
  });

  test('holds no secret', () => {
    expect(stack.all('Secret')).toEqual([]);
  });

  test('takes name, image, pull policy, pull secrets and labels everywhere', () => {
    const named = new Stack({
      name: 'prod',
      image: 'example.com/airflow:1.0.2',
      imagePullPolicy: ImagePullPolicy.ALWAYS,
      imagePullSecrets: ['registry'],
      labels: { team: 'data' },
    });
    for (const { metadata } of named.manifests()) {
      expect(metadata.name).toMatch(/^prod-/);
      expect(metadata.labels).toMatchObject({ release: 'prod', team: 'data', heritage: 'cdk8s-airflow' });
    }
    for (const [name, { metadata, spec }] of named.pods()) {
      expect(metadata.labels.team).toBe('data');
      expect(spec.imagePullSecrets).toEqual([{ name: 'registry' }]);
      const [main] = spec.containers;
      expect(main?.image).toBe(
        name === 'prod-postgresql' ? 'docker.io/library/postgres:17' : 'example.com/airflow:1.0.2',
      );
      expect(main?.imagePullPolicy).toBe('Always');
    }
  });

  test('runs the image of its own version unless told otherwise', () => {
    expect(VERSION).toBe(packageJson.version);
    expect(container(stack.pod('Deployment', 'airflow-scheduler'), 'scheduler').image).toBe(
      `docker.io/cdk8s-airflow/airflow:3.3.2-${packageJson.version}`,
    );
  });

  test('waits for the migrations in every pod of Airflow but those that make them', () => {
    const waiting = stack
      .pods()
      .filter(([, { spec }]) => spec.initContainers?.some(({ name }) => name === 'wait-for-airflow-migrations'))
      .map(([name]) => name.replace(/-[0-9a-f]{8}$/, ''));
    expect(waiting.sort()).toEqual([
      'airflow-api-server',
      'airflow-create-user',
      'airflow-dag-processor',
      'airflow-scheduler',
      'airflow-triggerer',
    ]);
  });

  test('reads as in the README', () => {
    const app = new App();
    const chart = new Chart(app, 'airflow', { namespace: 'airflow' });
    new Airflow(chart, 'airflow', {
      executor: Executor.kubernetes({ maxPods: 200 }),
      database: Database.embedded({ storage: Size.gibibytes(20) }),
      dags: Dags.gitSync({ repo: 'https://example.com/dags.git', ref: 'main' }),
      logs: Logs.volume({ size: Size.gibibytes(50) }),
    });
    expect(chart.toJson()).not.toHaveLength(0);
  });

  test('lets two stacks of different names share a namespace', () => {
    const chart = new Chart(new App(), 'chart', { namespace: 'airflow' });
    new Airflow(chart, 'one');
    new Airflow(chart, 'two', { logs: Logs.volume() });
    const names = (chart.toJson() as { kind: string; metadata: { name: string } }[]).map(
      ({ kind, metadata }) => `${kind}/${metadata.name}`,
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test('matches the snapshot of its objects', () => {
    expect(stack.manifests().map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toMatchSnapshot();
  });
});
