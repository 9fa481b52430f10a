import { Duration } from 'cdk8s';
import { Database, Logs } from '../../constructs/index.js';
import { container, envNames, mountNames, type PodSpec, Stack } from './stack.js';

function jobPod(stack: Stack, name: string): PodSpec {
  const { jobTemplate } = stack.get('CronJob', name).spec as unknown as {
    jobTemplate: { spec: { template: { spec: PodSpec } } };
  };
  return jobTemplate.spec.template.spec;
}

describe('DatabaseCleanup', () => {
  test('is there only when it is asked for', () => {
    expect(new Stack().all('CronJob')).toEqual([]);
    expect(new Stack().airflow.databaseCleanup).toBeUndefined();
  });

  test('removes what is older than 90 days, every Sunday, one at a time', () => {
    const stack = new Stack({ databaseCleanup: {} });
    expect(stack.get('CronJob', 'airflow-database-cleanup').spec).toMatchObject({
      schedule: '0 0 * * 0',
      concurrencyPolicy: 'Forbid',
      jobTemplate: { spec: { backoffLimit: 2 } },
    });
    const pod = jobPod(stack, 'airflow-database-cleanup');
    expect(pod.restartPolicy).toBe('OnFailure');
    const { args, env } = container(pod, 'database-cleanup');
    expect(args?.[2]).toBe(
      `exec airflow db clean --clean-before-timestamp "$(date -u -d '90 days ago' +%FT%TZ)" --yes --skip-archive`,
    );
    expect(envNames({ name: '', env })).toContain('AIRFLOW__DATABASE__SQL_ALCHEMY_CONN');
    expect(pod.initContainers?.map(({ name }) => name)).toEqual(['wait-for-airflow-migrations']);
  });

  test('takes tables, a batch size and an archive', () => {
    const stack = new Stack({
      databaseCleanup: {
        retentionDays: 7,
        tables: ['xcom', 'log'],
        archive: true,
        batchSize: 1000,
        schedule: '@daily',
      },
    });
    expect(container(jobPod(stack, 'airflow-database-cleanup'), 'database-cleanup').args?.[2]).toMatch(
      /'7 days ago' .* --yes --tables xcom,log --batch-size 1000$/,
    );
  });

  test('of what would run anything else is refused', () => {
    const databaseCleanup = { schedule: 'daily', retentionDays: 0, tables: ['xcom; rm -rf /'], batchSize: 0 };
    const problems = new Stack({ databaseCleanup }).problems();
    expect(problems.map((problem) => problem.split("'")[1])).toEqual([
      'schedule',
      'retentionDays',
      'batchSize',
      'tables',
    ]);
  });
});

describe('LogCleanup', () => {
  test('removes from the volume of the logs what nobody has written to for long', () => {
    const stack = new Stack({ logs: Logs.volume({ retention: Duration.days(15) }) });
    const pod = jobPod(stack, 'airflow-log-cleanup');
    const cleanup = container(pod, 'log-cleanup');
    expect(cleanup.args?.[0]).toContain('-type f -mmin +21600 -delete');
    expect(mountNames(cleanup)).toEqual(['logs']);
    expect(envNames(cleanup)).toEqual([]);
    // The volume is ReadWriteOnce: it runs where the others do.
    expect(pod.affinity?.podAffinity.requiredDuringSchedulingIgnoredDuringExecution).toHaveLength(1);
  });

  test('is not there without a retention, and not with logs that go with their pods', () => {
    expect(new Stack({ logs: Logs.volume() }).all('CronJob')).toEqual([]);
    expect(new Stack({ logs: Logs.ephemeral(), database: Database.embedded() }).all('CronJob')).toEqual([]);
  });

  test('within a day is refused', () => {
    expect(new Stack({ logs: Logs.volume({ retention: Duration.hours(2) }) }).problems()).toEqual([
      `chart/airflow: 'logs.retention' ("PT2H") must be at least one day: a task may run for as long`,
    ]);
  });
});
