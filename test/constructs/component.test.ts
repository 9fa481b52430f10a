import { App, Chart, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { Airflow, Component, type Release } from '../../constructs/index.js';
import { container, envValue, Stack } from './stack.js';

class Exporter extends Component {
  public constructor(scope: Construct, id: string, release: Release) {
    super(scope, id, {
      release,
      component: 'exporter',
      kind: 'Deployment',
      spec: { replicas: 1 },
      options: {},
      requests: { cpu: '10m', memory: '64Mi' },
      container: { name: 'exporter', args: ['python', '-m', 'exporter'], env: release.database.env },
    });
  }
}

describe('Component', () => {
  test('a component of your own has what those of Airflow have', () => {
    const chart = new Chart(new App(), 'chart', { namespace: 'airflow' });
    const exporter = new Exporter(chart, 'exporter', new Airflow(chart, 'airflow').release);
    exporter.addEnv('A', 'b');
    const mine = (chart.toJson() as { kind: string; metadata: { name: string } }[]).filter(({ metadata }) =>
      metadata.name.endsWith('exporter'),
    );
    expect(mine.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual([
      'ServiceAccount/airflow-airflow-exporter',
      'Deployment/airflow-exporter',
    ]);
    expect(mine[1]).toMatchObject({
      spec: {
        template: {
          spec: {
            serviceAccountName: 'airflow-airflow-exporter',
            initContainers: [{ name: 'wait-for-airflow-migrations' }],
            containers: [{ name: 'exporter', securityContext: { allowPrivilegeEscalation: false } }],
          },
        },
      },
    });
  });

  test('takes resources, labels, annotations and placement', () => {
    const stack = new Stack({
      webserver: {
        resources: { cpuRequest: Cpu.units(1), cpuLimit: Cpu.units(2), memoryLimit: Size.mebibytes(256) },
        podLabels: { team: 'a', tier: 'mine' },
        podAnnotations: { note: 'b' },
        serviceAccountAnnotations: { 'example.com/role': 'c' },
        nodeSelector: { pool: 'd' },
        tolerations: [{ operator: 'Exists' }],
        topologySpreadConstraints: [{ maxSkew: 1 }],
        priorityClassName: 'high',
      },
    });
    const { metadata, spec } = stack.get('Deployment', 'airflow-api-server').spec.template;
    expect(metadata).toMatchObject({ labels: { team: 'a', tier: 'airflow' }, annotations: { note: 'b' } });
    expect(spec).toMatchObject({
      nodeSelector: { pool: 'd' },
      tolerations: [{ operator: 'Exists' }],
      topologySpreadConstraints: [{ maxSkew: 1 }],
      priorityClassName: 'high',
    });
    expect(stack.get('ServiceAccount', 'airflow-airflow-api-server').metadata.annotations).toEqual({
      'example.com/role': 'c',
    });
    expect(container(spec, 'api-server').resources).toEqual({
      requests: { cpu: '1', memory: '256Mi' },
      limits: { cpu: '2', memory: '256Mi' },
    });
  });

  test('what is said of all components holds for each, under what is said of it alone', () => {
    const stack = new Stack({
      components: {
        env: { TZ: 'UTC', LANG: 'C' },
        nodeSelector: { pool: 'airflow', arch: 'arm64' },
        tolerations: [{ key: 'airflow' }],
        priorityClassName: 'high',
      },
      scheduler: { env: { TZ: 'Europe/Rome' }, nodeSelector: { pool: 'schedulers' }, tolerations: [{ key: 'mine' }] },
    });
    const scheduler = stack.pod('Deployment', 'airflow-scheduler');
    expect(scheduler).toMatchObject({
      nodeSelector: { pool: 'schedulers', arch: 'arm64' },
      tolerations: [{ key: 'mine' }],
      priorityClassName: 'high',
    });
    expect(envValue(container(scheduler, 'scheduler'), 'TZ')).toBe('Europe/Rome');
    expect(envValue(container(scheduler, 'scheduler'), 'LANG')).toBe('C');
    const migrations = stack.pod('Job', 'airflow-run-airflow-migrations');
    expect(migrations).toMatchObject({ nodeSelector: { pool: 'airflow', arch: 'arm64' }, priorityClassName: 'high' });
    expect(envValue(container(migrations, 'run-airflow-migrations'), 'TZ')).toBe('UTC');
  });
});
