import { App, Chart, Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import {
  Airflow,
  type AirflowProps,
  Dags,
  Database,
  Executor,
  Logs,
  SecretRef,
  ValidationError,
} from '../../constructs/index.js';
import { Stack } from './stack.js';

const ref = SecretRef.named('s', 'k');

describe('refused at synth, with path, prop, value and fix', () => {
  test.each<[string, AirflowProps, string]>([
    [
      'annotations of a service account that is made elsewhere',
      {
        executor: Executor.kubernetes({ taskPod: { serviceAccountName: 'a', serviceAccountAnnotations: { b: 'c' } } }),
      },
      '\'executor.taskPod.serviceAccountAnnotations\' ({"b":"c"}) must be left out',
    ],
    [
      'annotations of a service account for a queue',
      { executor: Executor.kubernetes({ queues: { q: { taskPod: { serviceAccountAnnotations: { b: 'c' } } } } }) },
      '\'executor.queues.q.taskPod.serviceAccountAnnotations\' ({"b":"c"}) must be left out',
    ],
    ['no scheduler', { scheduler: { replicas: 0 } }, "chart/airflow/scheduler: 'replicas' (0) must be at least 1"],
    [
      'half a webserver',
      { webserver: { replicas: 1.5 } },
      "chart/airflow/webserver: 'replicas' (1.5) must be a whole number",
    ],
    ['no capacity', { triggerer: { capacity: 0 } }, "chart/airflow/triggerer: 'capacity' (0) must be at least 1"],
    [
      'no DAG processor',
      { dagProcessor: { replicas: -1 } },
      "chart/airflow/dag-processor: 'replicas' (-1) must be at least 1",
    ],
    [
      'a base URL without a scheme',
      { webserver: { baseUrl: 'airflow.example.com' } },
      '\'baseUrl\' ("airflow.example.com") must be an http or https URL',
    ],
    ['a name in capitals', { name: 'Prod' }, 'chart/airflow: \'name\' ("Prod") must consist of lower-case letters'],
    ['a name too long for its Jobs', { name: 'a'.repeat(32) }, 'must be at most 31 characters, this is 32'],
    [
      'an unknown Airflow',
      { airflowVersion: '1.10.15' },
      "'airflowVersion' (\"1.10.15\") must be 3.2.2 or newer of Airflow 3, such as '3.3.2'",
    ],
    ['an Airflow that is too old', { airflowVersion: '3.2.1' }, '\'airflowVersion\' ("3.2.1") must be 3.2.2 or newer'],
    ['a name that no Service can have', { name: '3flow' }, '\'name\' ("3flow") must begin with a letter'],
    ['a bad label', { labels: { team: 'a b' } }, '\'labels.team\' ("a b") must be a label value'],
    [
      'a bad label of pods',
      { webserver: { podLabels: { '': 'x' } } },
      'chart/airflow/webserver: \'podLabels\' ("") must be a label key',
    ],
    [
      'more requested than allowed',
      { scheduler: { resources: { memoryRequest: Size.gibibytes(2), memoryLimit: Size.mebibytes(512) } } },
      "chart/airflow/scheduler: 'resources.memoryRequest' (\"2Gi\") must be at most 'memoryLimit', which is 512Mi",
    ],
    [
      'no CPU',
      { executor: Executor.kubernetes({ taskPod: { resources: { cpuRequest: Cpu.millis(0) } } }) },
      '\'executor.taskPod.resources.cpuRequest\' ("0m") must be more than 0',
    ],
    ['an empty image', { image: '' }, '\'image\' ("") must be the name of an image'],
    ['a label that selects', { labels: { component: 'x' } }, '\'labels.component\' ("x") must be left out'],
    ['a lone percent sign', { config: { core: { a: '100%' } } }, "'config.core.a' (\"100%\") must write '%' as '%%'"],
    ['a section that is none', { config: { 'a]b': { a: 'b' } } }, 'must be in a section named as in airflow.cfg'],
    [
      'a variable that is none',
      { scheduler: { env: { 'A-B': 'x' } } },
      'chart/airflow/scheduler: \'env\' ("A-B") must be the name of an environment variable',
    ],
    [
      'an e-mail address that is none',
      { firstUser: { email: 'x' } },
      'chart/airflow/first-user: \'email\' ("x") must be an e-mail address',
    ],
    [
      'an empty repository',
      { dags: Dags.gitSync({ repo: '' }) },
      '\'dags.repo\' ("") must be the URL of a git repository',
    ],
    [
      'credentials in the URL',
      { dags: Dags.gitSync({ repo: 'https://me:pw@example.com/d.git' }) },
      '("https://…@example.com/d.git") must not hold credentials',
    ],
    [
      'a way out of the repository',
      { dags: Dags.gitSync({ repo: 'https://x.com/d', subPath: 'a/../..' }) },
      "'dags.subPath' (\"a/../..\") must not contain '..'",
    ],
    [
      'a way out of the volume',
      { dags: Dags.volume({ subPath: '/dags' }) },
      '\'dags.subPath\' ("/dags") must be relative',
    ],
    [
      'a negative depth',
      { dags: Dags.gitSync({ repo: 'https://x.com/d', depth: -1 }) },
      "'dags.depth' (-1) must be at least 0",
    ],
    [
      'a period of no time',
      { dags: Dags.gitSync({ repo: 'https://x.com/d', period: Duration.millis(10) }) },
      '\'dags.period\' ("10 millis") must be at least 1 second',
    ],
    [
      'a key for http',
      { dags: Dags.gitSync({ repo: 'https://x.com/d', sshKey: ref }) },
      "'dags.repo' (\"https://x.com/d\") must be an ssh URL when 'sshKey' is given",
    ],
    [
      'a user without a password',
      { dags: Dags.gitSync({ repo: 'https://x.com/d', username: ref }) },
      "'dags.password' (not set) must be given",
    ],
    [
      'a relative folder',
      { dags: Dags.baked({ folder: 'dags' }) },
      '\'dags.folder\' ("dags") must be an absolute path',
    ],
    [
      'a size for an existing claim',
      { logs: Logs.volume({ existingClaim: 'c', size: Size.gibibytes(1) }) },
      "'logs.size' (\"1Gi\") must be left out: 'existingClaim' has its own",
    ],
    ['a volume of no size', { logs: Logs.volume({ size: Size.gibibytes(0) }) }, "'logs.size' (0) must be at least 1"],
    [
      'a claim with a bad name',
      { dags: Dags.volume({ existingClaim: 'Mine!' }) },
      '\'dags.existingClaim\' ("Mine!") must be a Kubernetes object name',
    ],
    [
      'an old Postgres',
      { database: Database.embedded({ version: '9.6' }) },
      '\'database.version\' ("9.6") must be at least 13',
    ],
    [
      'a database without a host',
      { database: Database.external({ user: ref, password: ref }) },
      "'database.host' (not set) must be given, or 'connection' instead of it",
    ],
    [
      'a database said twice',
      { database: Database.external({ connection: ref, host: 'h' }) },
      "'database.host' (\"h\") must be left out: 'connection' says it all",
    ],
    [
      'a port that is none',
      { database: Database.external({ host: 'h', user: ref, password: ref, port: 70000 }) },
      "'database.port' (70000) must be at most 65535",
    ],
    ['no pods', { executor: Executor.kubernetes({ maxPods: 0 }) }, "'executor.maxPods' (0) must be at least 1"],
    [
      'no standby pods',
      { executor: Executor.kubernetes({ standby: { pods: 0 } }) },
      "'executor.standby.pods' (0) must be at least 1",
    ],
    [
      'more standby pods than pods',
      { executor: Executor.kubernetes({ maxPods: 2, standby: { pods: 3 } }) },
      "'executor.standby.pods' (3) must be at most 'maxPods' (2)",
    ],
    [
      'standby pods that would run old DAGs',
      {
        executor: Executor.kubernetes({ standby: { pods: 1 } }),
        dags: Dags.gitSync({ repo: 'https://example.com/dags.git' }),
      },
      `'executor.standby' ({"pods":1}) must be left out with Dags.gitSync`,
    ],
    [
      'no namespaces',
      { executor: Executor.kubernetes({ namespaces: [] }) },
      "'executor.namespaces' ([]) must name at least one",
    ],
    [
      'a namespace that is none',
      { executor: Executor.kubernetes({ namespaces: ['A'] }) },
      '\'executor.namespaces\' ("A") must consist of',
    ],
    [
      'a volume across namespaces',
      { executor: Executor.kubernetes({ namespaces: ['other'] }), logs: Logs.volume() },
      '\'logs.volume\' ("other") must not be used when tasks run in other namespaces',
    ],
    [
      'no local tasks',
      { executor: Executor.local({ parallelism: 0 }) },
      "'executor.parallelism' (0) must be at least 1",
    ],
    [
      'empty batches',
      { executor: Executor.stockKubernetes({ creationBatchSize: 0 }) },
      "'executor.creationBatchSize' (0) must be at least 1",
    ],
    [
      'a variable of tasks that is none',
      { executor: Executor.kubernetes({ taskPod: { env: { '1': '' } } }) },
      '\'executor.taskPod.env\' ("1") must be',
    ],
  ])('%s', (_, props, problem) => {
    const problems = new Stack(props).problems();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  test('a chart without a namespace', () => {
    const chart = new Chart(new App(), 'chart');
    new Airflow(chart, 'airflow');
    expect(() => {
      chart.toJson();
    }).toThrow("chart/airflow: 'namespace' (not set) must be set on the chart");
  });

  test('two stacks of one name in one namespace', () => {
    const app = new App();
    for (const id of ['one', 'two']) new Airflow(new Chart(app, id, { namespace: 'airflow' }), 'airflow');
    expect(() => {
      app.synth();
    }).toThrow(
      'two/airflow: \'name\' ("airflow") must differ from that of one/airflow: both use the namespace airflow',
    );
  });

  test('a bad container or volume, added later', () => {
    const stack = new Stack();
    stack.airflow.scheduler.addContainer({ name: 'My Container' });
    stack.airflow.scheduler.addVolume({ name: 'v', emptyDir: {} }, 'relative');
    expect(stack.problems()).toEqual([
      expect.stringContaining('chart/airflow/scheduler: \'container.name\' ("My Container")'),
      expect.stringContaining('chart/airflow/scheduler: \'mountPath\' ("relative") must be an absolute path'),
    ]);
  });
});

test('all problems are thrown at once, typed, with what other constructs have to say', () => {
  const chart = new Chart(new App(), 'chart', { namespace: 'airflow' });
  new Airflow(chart, 'airflow', { scheduler: { replicas: 0 }, dags: Dags.gitSync({ repo: '' }) });
  new Construct(chart, 'other').node.addValidation({ validate: () => ['is not right'] });
  let caught: unknown;
  try {
    chart.toJson();
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(ValidationError);
  const { problems, message } = caught as ValidationError;
  expect(problems).toEqual([
    { path: 'chart/airflow', prop: 'dags.repo', value: '', fix: expect.stringMatching(/^must be/) as string },
    { path: 'chart/airflow/scheduler', prop: 'replicas', value: 0, fix: 'must be at least 1' },
  ]);
  expect(message.split('\n')).toHaveLength(4);
  expect(message).toContain('3 problems in the input:');
  expect(message).toContain('chart/other: is not right');
});
