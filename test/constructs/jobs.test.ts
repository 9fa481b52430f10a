import { Executor, SecretRef } from '../../constructs/index.js';
import { container, envNames, envValue, Stack } from './stack.js';

const nameOf = (stack: Stack, prefix: string): string => stack.get('Job', prefix).metadata.name;

describe('Migrations', () => {
  const stack = new Stack();

  test('is a Job named after a hash of image and configuration', () => {
    const name = nameOf(stack, 'airflow-run-airflow-migrations');
    expect(name).toMatch(/^airflow-run-airflow-migrations-[0-9a-f]{8}$/);
    expect(nameOf(new Stack(), 'airflow-run-airflow-migrations')).toBe(name);
    expect(nameOf(new Stack({ image: 'example.com/airflow:2' }), 'airflow-run-airflow-migrations')).not.toBe(name);
    expect(nameOf(new Stack({ config: { core: { a: 'b' } } }), 'airflow-run-airflow-migrations')).not.toBe(name);
  });

  test('gets a new name by whatever changes it, environment and patches included', () => {
    const changed = new Stack();
    changed.airflow.migrations.addEnv('A', 'b');
    expect(nameOf(changed, 'airflow-run-airflow-migrations')).not.toBe(nameOf(stack, 'airflow-run-airflow-migrations'));
  });

  test('waits for the database, then migrates', () => {
    const main = container(stack.pod('Job', 'airflow-run-airflow-migrations'), 'run-airflow-migrations');
    expect(main.args?.[2]).toBe('python /opt/airflow/scripts/wait.py 300 && exec airflow db migrate');
  });

  test('matches its snapshot', () => {
    expect(stack.get('Job', 'airflow-run-airflow-migrations').spec).toMatchSnapshot();
  });
});

describe('FirstUser', () => {
  test('creates admin with a password from a Secret that is created once', () => {
    const stack = new Stack();
    const main = container(stack.pod('Job', 'airflow-create-user'), 'create-user');
    expect(envValue(main, 'FIRST_USER')).toBe('admin');
    expect(main.env).toContainEqual({
      name: 'FIRST_USER_PASSWORD',
      valueFrom: { secretKeyRef: { name: 'airflow-first-user', key: 'password' } },
    });
    expect(envNames(main)).not.toContain('AIRFLOW__CORE__FERNET_KEY');
    expect(stack.get('ConfigMap', 'airflow-create-secrets').data['secrets.json']).toContain('"airflow-first-user"');
  });

  test('takes a password by reference', () => {
    const stack = new Stack({ firstUser: { username: 'ada', password: SecretRef.named('mine', 'pw') } });
    expect(stack.text()).not.toContain('airflow-first-user');
    expect(stack.airflow.firstUser?.password).toEqual({ secretName: 'mine', key: 'pw' });
  });

  test('can be left out', () => {
    const stack = new Stack({ firstUser: { enabled: false } });
    expect(stack.airflow.firstUser).toBeUndefined();
    expect(stack.text()).not.toContain('create-user');
  });

  test('matches its snapshot', () => {
    expect(container(new Stack().pod('Job', 'airflow-create-user'), 'create-user')).toMatchSnapshot();
  });
});

describe('CreatedSecrets', () => {
  const stack = new Stack();
  const spec = JSON.parse(stack.get('ConfigMap', 'airflow-create-secrets').data['secrets.json'] ?? '') as {
    namespace: null;
    secrets: { name: string; data: object }[];
  };

  test('creates every key that is not given, the database password before the URL that holds it', () => {
    expect(spec.namespace).toBeNull();
    expect(Object.fromEntries(spec.secrets.map(({ name, data }) => [name, data]))).toEqual({
      'airflow-fernet-key': { 'fernet-key': { generate: 'fernet' } },
      'airflow-jwt-secret': { 'jwt-secret': { generate: 'hex' } },
      'airflow-api-secret-key': { 'api-secret-key': { generate: 'hex' } },
      'airflow-postgresql': { 'postgres-password': { generate: 'password' } },
      'airflow-metadata': {
        connection: {
          template: 'postgresql://postgres:${airflow-postgresql/postgres-password}@airflow-postgresql:5432/postgres',
        },
      },
      'airflow-first-user': { username: { template: 'admin' }, password: { generate: 'password' } },
    });
    const names = spec.secrets.map(({ name }) => name);
    expect(names.indexOf('airflow-postgresql')).toBeLessThan(names.indexOf('airflow-metadata'));
  });

  test('may create Secrets and read those that it makes, nothing else', () => {
    const [create, ...reads] = stack.get('Role', 'airflow-create-secrets-role').rules;
    expect(create).toEqual({ apiGroups: [''], resources: ['secrets'], verbs: ['create'] });
    expect(reads.map(({ verbs }) => verbs)).toEqual(spec.secrets.map(() => ['get']));
    expect(reads.flatMap(({ resourceNames }) => resourceNames)).toEqual(spec.secrets.map(({ name }) => name));
  });

  test('does not run again because the executor changes', () => {
    const local = new Stack({ executor: Executor.local() });
    expect(nameOf(local, 'airflow-create-secrets')).toBe(nameOf(stack, 'airflow-create-secrets'));
  });

  test('is not there when every key is given', () => {
    const ref = SecretRef.named('keys', 'k');
    const given = new Stack({
      keys: { fernetKey: ref, jwtSecret: ref, apiSecretKey: ref },
      database: undefined,
      firstUser: { enabled: false },
    });
    expect(given.text()).not.toContain('fernet-key');
    expect(given.text()).toContain('airflow-postgresql');
  });
});
