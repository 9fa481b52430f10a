import { Call, type DataMap, Member } from '../../../src/cli/import-values/expression.js';
import { importValues, type Imported } from '../../../src/cli/import-values/import-values.js';
import { EXAMPLES } from './examples.js';

function imported(values: string): Imported {
  return importValues(values, { name: 'values.yaml', release: 'prod', namespace: 'data' });
}

/** Props with calls as they are written. */
function props(values: string): unknown {
  const plain = (data: unknown): unknown => {
    if (data instanceof Call)
      return `${data.owner}.${data.method}(${data.args.map((each) => JSON.stringify(plain(each))).join(', ')})`;
    if (data instanceof Member) return `${data.owner}.${data.name}`;
    if (Array.isArray(data)) return data.map(plain);
    if (typeof data === 'object' && data !== null)
      return Object.fromEntries(Object.entries(data as DataMap).map(([key, value]) => [key, plain(value)]));
    return data;
  };
  return plain(imported(`executor: KubernetesExecutor\n${values}`).program.props);
}

/** What is listed, as `key: reason`. */
function listed(values: string): string[] {
  return imported(values).remarks.map(({ key, line, reason }) => `${key}:${line}: ${reason}`);
}

describe('values become props', () => {
  test.each<[string, object]>([
    ['', {}],
    ['images: { airflow: { repository: apache/airflow, tag: 3.3.2 } }', {}],
    ['airflowVersion: 2.11.2', { airflowVersion: '2.11.2' }],
    ['defaultAirflowTag: 2.11.2-python3.12', { airflowVersion: '2.11.2' }],
    ['images: { airflow: { repository: r/a, digest: "sha256:1" } }', { image: 'r/a@sha256:1' }],
    ['registry: { secretName: reg }', { imagePullSecrets: ['reg'] }],
    [
      'data: { metadataSecretName: db }',
      { database: 'Database.external({"connection":"SecretRef.named(\\"db\\", \\"connection\\")"})' },
    ],
    [
      'postgresql: { primary: { persistence: { size: 1536Mi } } }',
      { database: 'Database.embedded({"storage":"Size.mebibytes(1536)"})' },
    ],
    [
      'dags: { persistence: { enabled: true, existingClaim: mine } }',
      { dags: 'Dags.volume({"existingClaim":"mine"})' },
    ],
    [
      'dags: { gitSync: { enabled: true, repo: "https://e.com/d.git", branch: dev, subPath: "", wait: 60 } }',
      { dags: 'Dags.gitSync({"repo":"https://e.com/d.git","ref":"dev","period":"Duration.seconds(60)"})' },
    ],
    [
      'dags: { gitSync: { enabled: true, repo: r, ref: v1, credentialsSecret: git } }',
      {
        dags: 'Dags.gitSync({"repo":"r","ref":"v1","subPath":"tests/dags","username":"SecretRef.named(\\"git\\", \\"GITSYNC_USERNAME\\")","password":"SecretRef.named(\\"git\\", \\"GITSYNC_PASSWORD\\")"})',
      },
    ],
    [
      'logs: { persistence: { enabled: true } }',
      {
        logs: 'Logs.volume({"size":"Size.gibibytes(100)","accessMode":"AccessMode.READ_WRITE_MANY","retention":"Duration.days(15)"})',
      },
    ],
    ['fernetKeySecretName: k', { keys: { fernetKey: 'SecretRef.named("k", "fernet-key")' } }],
    [
      'config: { core: { dagbag_import_timeout: 60 }, api: { workers: 4 } }',
      { config: { core: { dagbag_import_timeout: '60' } }, webserver: { workers: 4 } },
    ],
    [
      'env: [{ name: A, value: 1 }]',
      { executor: 'Executor.kubernetes({"taskPod":{"env":{"A":"1"}}})', components: { env: { A: '1' } } },
    ],
    [
      'scheduler: { replicas: 2, podAnnotations: { a: b }, labels: { c: d }, priorityClassName: high }',
      { scheduler: { replicas: 2, podLabels: { c: 'd' }, podAnnotations: { a: 'b' }, priorityClassName: 'high' } },
    ],
    [
      'workers: { serviceAccount: { create: false, name: irsa } }',
      { executor: 'Executor.kubernetes({"taskPod":{"serviceAccountName":"irsa"}})' },
    ],
    ['webserver: { defaultUser: { enabled: false } }', { firstUser: { enabled: false } }],
    ['databaseCleanup: { enabled: true }', { databaseCleanup: {} }],
    [
      'apiServer: { hpa: { enabled: true, maxReplicaCount: 3 } }',
      { webserver: { autoscaling: { minReplicas: 1, maxReplicas: 3, cpuPercent: 50 } } },
    ],
    [
      'ingress: { apiServer: { enabled: true, hosts: [a.example.com], path: /af } }',
      { webserver: { ingress: { hosts: ['a.example.com'], path: '/af' } } },
    ],
  ])('%s', (values, expected) => {
    expect(props(values)).toEqual(expected);
  });

  it('takes the executors that there are, in their order', () => {
    expect(imported('executor: LocalExecutor,KubernetesExecutor').program.props).toEqual({
      executor: new Call(
        'Executor',
        'combine',
        new Call('Executor', 'local', { parallelism: 32 }),
        new Call('Executor', 'kubernetes'),
      ),
    });
  });

  it('writes the node selector for each component where the chart replaces and does not merge it', () => {
    const { props } = imported('nodeSelector: { a: x }\nscheduler: { nodeSelector: { b: y } }').program;
    expect(props.components).toBeUndefined();
    expect(props.scheduler).toEqual({ nodeSelector: { b: 'y' } });
    expect(props.triggerer).toEqual({ nodeSelector: { a: 'x' } });
  });
});

describe('what is not carried over is listed with its line and the reason', () => {
  test.each<[string, string]>([
    ['{}', "executor:0: Celery workers are not offered yet (the chart's default); Executor.kubernetes runs"],
    ['executor: CeleryExecutor\nworkers:\n  replicas: 3', 'workers.replicas:3: Celery workers are not offered yet'],
    ['scheduler:\n  strategy: { type: Recreate }', "scheduler.strategy:2: no prop offers it; use 'patch'"],
    [
      'scheduler:\n  resources: { limits: { ephemeral-storage: 1Gi } }',
      'scheduler.resources.limits.ephemeral-storage:2: only',
    ],
    ['podTemplate: |\n  kind: Pod', "podTemplate:1: the pods of tasks are the prop 'taskPod'"],
    ['multiNamespaceMode: true', "multiNamespaceMode:1: name the namespaces in 'namespaces'"],
    ['networkPolicies: { enabled: true }', 'networkPolicies.enabled:1: network policies are not offered yet'],
    [
      'extraEnv: |\n  - { name: A, value: "{{ include "x" . }}" }',
      'extraEnv:1: a template that only Helm can resolve: {{ include "x" . }}',
    ],
    [
      'labels:\n  a: b\n  c: "{{ .Chart.Name }}"',
      'labels.c:3: a template that only Helm can resolve: {{ .Chart.Name }}',
    ],
    [
      'executor: KubernetesExecutor\nsecret: [{ envName: A, secretName: b, secretKey: c }]',
      'secret:2: is carried over for the components',
    ],
    ['airflowVersion: 2.11.2\njwtSecretName: a', 'jwtSecretName:2: Airflow 2 does not read it'],
    ['triggerer: { enabled: false }', 'triggerer.enabled:1: there is always a triggerer'],
    ['apiServer: { service: { type: NodePort } }', 'apiServer.service.type:1: the Service is of the kind ClusterIP'],
    ['webserver: { replicas: 2 }', 'webserver.replicas:1: is of Airflow 2'],
  ])('%j', (values, expected) => {
    expect(listed(values)).toContainEqual(expect.stringContaining(expected));
  });

  it("says nothing of the chart's own defaults, nor of what is empty", () => {
    const values =
      'executor: KubernetesExecutor\nuid: 50000\nredis: { enabled: true }\nquotas: {}\nfernetKey: ~\nports: { airflowUI: 8080 }';
    expect(listed(values)).toEqual([]);
  });

  it('says nothing of a section that is not offered and off', () => {
    const off = 'flower: { enabled: false, username: a }\nstatsd: { enabled: false }\nredis: { enabled: false }';
    expect(listed(`executor: KubernetesExecutor\n${off}`)).toEqual([]);
  });

  it('leaves the mounts of a volume out with it', () => {
    const { program, remarks } = imported(`
executor: KubernetesExecutor
scheduler:
  extraVolumes: [{ name: host, hostPath: { path: /x } }, { name: ours, emptyDir: {} }]
  extraVolumeMounts: [{ name: host, mountPath: /x }, { name: ours, mountPath: /y }]
`);
    expect(program.statements).toEqual([
      { targets: ['scheduler'], method: 'addVolume', args: [{ name: 'ours', emptyDir: {} }, '/y'] },
    ]);
    expect(remarks.map(({ key }) => key)).toEqual(['scheduler.extraVolumes', 'scheduler.extraVolumeMounts']);
  });

  it('lists every key that Celery alone reads', () => {
    const keys = imported(EXAMPLES.Celery ?? '').remarks.map(({ key }) => key);
    expect(keys).toEqual([
      ...['executor', 'workers.replicas', 'workers.celery.replicas', 'workers.keda.enabled', 'redis.password'],
      ...['flower.enabled', 'pgbouncer.enabled', 'config.celery.worker_concurrency'],
    ]);
  });
});

describe('key material', () => {
  test.each<[string, string]>([
    ['fernetKey: SECRET', "Secret 'prod-fernet-key', key 'fernet-key'"],
    ['jwtSecret: SECRET', "Secret 'prod-jwt-secret', key 'jwt-secret'"],
    ['data: { metadataConnection: { host: db, pass: SECRET } }', "Secret 'prod-metadata', key 'connection'"],
    ['postgresql: { auth: { postgresPassword: SECRET } }', "Secret 'prod-postgresql', key 'postgres-password'"],
    ['webserver: { defaultUser: { password: SECRET } }', "Secret 'prod-first-user', key 'password'"],
    [
      'dags: { gitSync: { enabled: true, repo: "git@a:b", sshKey: SECRET } }',
      "Secret 'prod-ssh-secret', key 'gitSshKey'",
    ],
    ['registry: { connection: { user: a, pass: SECRET, host: b } }', "Secret 'prod-registry'"],
    ['config: { smtp: { smtp_password: SECRET } }', "addEnvVar({ name: 'AIRFLOW__SMTP__SMTP_PASSWORD'"],
    ['config: { sentry: { dsn: "https://me:SECRET@sentry" } }', "addEnvVar({ name: 'AIRFLOW__SENTRY__DSN'"],
    ['env: [{ name: API_TOKEN, value: SECRET }]', "Secret 'prod-environment' under the key 'API_TOKEN'"],
    [
      'extraEnv: "- { name: AIRFLOW_CONN_X, value: SECRET }"',
      "Secret 'prod-environment' under the key 'AIRFLOW_CONN_X'",
    ],
    [
      'triggerer: { extraContainers: [{ name: a, env: [{ name: DB_PASSWORD, value: SECRET }] }] }',
      "under the key 'DB_PASSWORD'",
    ],
    ['extraSecrets: { a: { stringData: "b: SECRET" } }', 'make them beside the stack'],
    ['kerberos: { keytabBase64Content: SECRET }', 'Kerberos is not offered yet'],
  ])('%s is not in the program, which names a Secret', (values, hint) => {
    const found = imported(`executor: KubernetesExecutor\n${values}`);
    expect(JSON.stringify(found)).not.toContain('SECRET@');
    expect(JSON.stringify(found)).not.toMatch(/"SECRET|: SECRET/);
    expect(found.remarks.map(({ reason }) => reason)).toContainEqual(expect.stringContaining(hint));
  });
});
