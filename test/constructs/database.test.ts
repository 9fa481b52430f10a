import { Size } from 'cdk8s';
import { Database, SecretRef } from '../../constructs/index.js';
import { container, envNames, Stack } from './stack.js';

const CONNECTION = 'AIRFLOW__DATABASE__SQL_ALCHEMY_CONN';

describe('Database.embedded', () => {
  const stack = new Stack({
    database: Database.embedded({ storage: Size.gibibytes(20), storageClass: 'fast', version: '16' }),
  });
  const pod = stack.pod('StatefulSet', 'airflow-postgresql');

  test('is a Postgres with a volume, under Pod Security "restricted" with a read-only root', () => {
    expect(stack.get('StatefulSet', 'airflow-postgresql').spec.volumeClaimTemplates).toMatchObject([
      {
        metadata: { name: 'data' },
        spec: {
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'fast',
          resources: { requests: { storage: '20Gi' } },
        },
      },
    ]);
    expect(container(pod, 'postgresql').image).toBe('docker.io/library/postgres:16');
    expect(container(pod, 'postgresql').securityContext).toMatchObject({ readOnlyRootFilesystem: true });
    expect(pod.securityContext).toMatchObject({ runAsUser: 999, fsGroup: 999 });
  });

  test('takes a password by reference and then puts the URL together in the pods', () => {
    const given = new Stack({ database: Database.embedded({ password: SecretRef.named('pg', 'pw') }) });
    expect(container(given.pod('StatefulSet', 'airflow-postgresql'), 'postgresql').env).toContainEqual({
      name: 'POSTGRES_PASSWORD',
      valueFrom: { secretKeyRef: { name: 'pg', key: 'pw' } },
    });
    expect(given.text()).not.toContain('airflow-metadata');
    expect(envNames(container(given.pod('Deployment', 'airflow-scheduler'), 'scheduler'))).toContain(
      `${CONNECTION}_CMD`,
    );
  });

  test('matches its snapshot', () => {
    expect(container(pod, 'postgresql')).toMatchSnapshot();
  });
});

describe('Database.external', () => {
  test('has no Postgres and takes a whole URL from a Secret', () => {
    const stack = new Stack({ database: Database.external({ connection: SecretRef.named('db', 'url') }) });
    expect(stack.text()).not.toContain('postgresql');
    expect(container(stack.pod('Deployment', 'airflow-scheduler'), 'scheduler').env).toContainEqual({
      name: CONNECTION,
      valueFrom: { secretKeyRef: { name: 'db', key: 'url' } },
    });
  });

  test('puts the URL together from host, user and password, in every pod that connects', () => {
    const stack = new Stack({
      database: Database.external({
        host: 'db.example.com',
        port: 6432,
        user: SecretRef.named('db', 'user'),
        password: SecretRef.named('db', 'password'),
        query: 'sslmode=require',
      }),
    });
    const scheduler = stack.pod('Deployment', 'airflow-scheduler');
    for (const each of [container(scheduler, 'scheduler'), container(scheduler, 'wait-for-airflow-migrations')]) {
      expect(each.env).toEqual(
        expect.arrayContaining([
          { name: `${CONNECTION}_CMD`, value: 'python /opt/airflow/scripts/connection.py' },
          { name: 'DATABASE_SCHEME', value: 'postgresql' },
          { name: 'DATABASE_HOST', value: 'db.example.com' },
          { name: 'DATABASE_PORT', value: '6432' },
          { name: 'DATABASE_NAME', value: 'airflow' },
          { name: 'DATABASE_QUERY', value: 'sslmode=require' },
          { name: 'DATABASE_USER', valueFrom: { secretKeyRef: { name: 'db', key: 'user' } } },
          { name: 'DATABASE_PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
        ]),
      );
    }
  });

  test('matches its snapshot', () => {
    const stack = new Stack({ database: Database.external({ connection: SecretRef.named('db', 'url') }) });
    expect(
      container(stack.pod('Deployment', 'airflow-scheduler'), 'wait-for-airflow-migrations').env,
    ).toMatchSnapshot();
  });
});
