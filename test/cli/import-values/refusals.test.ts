import { importValues } from '../../../src/cli/import-values/import-values.js';

function problems(values: string): string[] {
  try {
    importValues(values, { name: 'values.yaml', release: 'prod', namespace: 'data' });
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

describe('values are refused by file, line and key', () => {
  test.each<[string, string]>([
    ['a: [', 'values.yaml:1: '],
    ['a: 1\na: 2', 'values.yaml:2: Map keys must be unique'],
    ['- a', 'values.yaml:1: must be a map of keys and values'],
    ['\nschedulr: {}', "values.yaml:2: schedulr: the chart has no such key; did you mean 'scheduler'?"],
    [
      'scheduler:\n  replica: 2',
      "values.yaml:2: scheduler.replica: the chart has no such key; did you mean 'scheduler.replicas'?",
    ],
    ['dags: { gitSync: { repository: a } }', 'values.yaml:1: dags.gitSync.repository: the chart has no such key'],
    ['qwertyuiop: 1', 'values.yaml:1: qwertyuiop: the chart has no such key'],
    ['scheduler: 2', 'values.yaml:1: scheduler: must be a map'],
    ['scheduler: { replicas: two }', 'values.yaml:1: scheduler.replicas: must be a number'],
    ['scheduler: { tolerations: {} }', 'values.yaml:1: scheduler.tolerations: must be a list'],
    ['labels: [a]', 'values.yaml:1: labels: must be a map'],
    ['dags: { gitSync: { enabled: maybe } }', 'values.yaml:1: dags.gitSync.enabled: must be true or false'],
    ['executor: FargateExecutor', "values.yaml:1: executor: there is no executor 'FargateExecutor'"],
    ['executor: LocalExecutor,Nope', "values.yaml:1: executor: there is no executor 'Nope'"],
    [
      'images: { airflow: { pullPolicy: Sometimes } }',
      'values.yaml:1: images.airflow.pullPolicy: must be Always, IfNotPresent, Never',
    ],
    ['images: { redis: { pullPolicy: always } }', 'values.yaml:1: images.redis.pullPolicy: must be Always'],
    [
      'dags: { persistence: { enabled: true, accessMode: Shared } }',
      'values.yaml:1: dags.persistence.accessMode: must be ReadWriteOnce or ReadWriteMany',
    ],
    [
      'dags: { persistence: { enabled: true, size: big } }',
      'values.yaml:1: dags.persistence.size: must be a size such as 10Gi',
    ],
    ['dags: { gitSync: { enabled: true, period: soon } }', 'values.yaml:1: dags.gitSync.period: must be a duration'],
    [
      'scheduler: { resources: { requests: { cpu: lots } } }',
      'values.yaml:1: scheduler.resources.requests.cpu: must be an amount of cpu',
    ],
    ['redis: { enabled: false }', "values.yaml:1: redis.enabled: without Redis, 'data.brokerUrl'"],
    ['redis: { passwordSecretName: a }', "values.yaml:1: redis.passwordSecretName: needs 'data.brokerUrlSecretName'"],
    ['data: { brokerUrl: a, brokerUrlSecretName: b }', 'values.yaml:1: data.brokerUrl: must be left out'],
    [
      'redis: { password: a, passwordSecretName: b }\ndata: { brokerUrlSecretName: c }',
      'values.yaml:1: redis.password: must be left out',
    ],
    [
      'elasticsearch: { enabled: true }',
      "values.yaml:1: elasticsearch.enabled: needs either 'elasticsearch.secretName'",
    ],
    ['opensearch: { enabled: true }', "values.yaml:1: opensearch.enabled: needs either 'opensearch.secretName'"],
    [
      'elasticsearch: { enabled: true, secretName: a }\nopensearch: { enabled: true, secretName: b }',
      'values.yaml:2: opensearch.enabled: must not be true together with',
    ],
    ['airflowVersion: 2.9.3', 'values.yaml:1: airflowVersion: Airflow 2.9.3: must be 3.2.2 or newer'],
    ['defaultAirflowTag: 3.0.2', 'values.yaml:1: defaultAirflowTag: Airflow 3.0.2: must be'],
    ['fernetKey: a\nfernetKeySecretName: b', 'values.yaml:1: fernetKey: must be left out'],
    ['registry: { secretName: a, connection: { user: b } }', 'values.yaml:1: registry.connection: must be left out'],
    ['postgresql: { enabled: false }', "values.yaml:1: postgresql.enabled: without it, 'data.metadataConnection'"],
    ['env: [A]', "values.yaml:1: env: must hold variables with a 'name'"],
    ['extraEnv: "a: b"', 'values.yaml:1: extraEnv: must hold a list in YAML'],
    ['extraEnv: "- ["', 'values.yaml:1: extraEnv: must hold a list in YAML'],
    [
      'scheduler: { extraContainers: [{ image: a }] }',
      "values.yaml:1: scheduler.extraContainers: must hold objects with a 'name'",
    ],
    ['secret: [{ name: a }]', "values.yaml:1: secret: must hold objects with 'envName'"],
    ['scheduler: { extraVolumes: [{ name: a }] }', "values.yaml:1: scheduler.extraVolumes: 'a' must have a source"],
    ['config: { core: 1 }', 'values.yaml:1: config.core: must be a section of airflow.cfg'],
  ])('%j', (values, expected) => {
    expect(problems(values)).toContainEqual(expect.stringContaining(expected));
  });

  it('tells everything that is wrong at once, in the order of the file', () => {
    expect(
      problems('schedulr: 1\nexecutor: Nope\nredis: { passwordSecretName: a }').map((line) => line.split(': ')[0]),
    ).toEqual([...['values.yaml:1', 'values.yaml:2', 'values.yaml:3']]);
  });

  it('keeps what does not stand in the file out of the lines', () => {
    expect(problems('executor: CeleryExecutor\ndata: { brokerUrl: redis://x }\nredis: { enabled: false }')).toEqual([]);
  });
});
