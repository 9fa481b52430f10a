import { Executor, SecretRef } from '../../constructs/index.js';
import { container, envNames, Stack } from './stack.js';
import { taskPod } from './task-pod.js';

const VERSION = { airflowVersion: '2.11.2' };

describe('a stack of Airflow 2.11', () => {
  const stack = new Stack(VERSION);

  it('has a webserver instead of an API server, named as in the official chart', () => {
    const pod = stack.pod('Deployment', 'airflow-webserver');
    const webserver = container(pod, 'webserver');
    expect(webserver.args).toEqual(['bash', '-c', 'exec airflow webserver']);
    expect(webserver.readinessProbe).toMatchObject({ httpGet: { path: '/health', port: 'airflow-ui' } });
    expect(webserver.image).toMatch(/^docker\.io\/cdk8s-airflow\/airflow:2\.11\.2-/);
    expect(envNames(webserver)).toContain('AIRFLOW__WEBSERVER__SECRET_KEY');
    expect(pod.serviceAccountName).toBe('airflow-airflow-webserver');
    expect(stack.get('RoleBinding', 'airflow-pod-log-reader-rolebinding').subjects).toEqual([
      expect.objectContaining({ name: 'airflow-airflow-webserver' }),
    ]);
    expect(stack.text()).not.toMatch(/api-server"|API_AUTH|api-secret-key|execution_api/);
  });

  it('has no DAG processor unless it is asked for: the scheduler parses the DAGs', () => {
    expect(stack.all('Deployment').map(({ metadata }) => metadata.name)).not.toContain('airflow-dag-processor');
    expect(stack.get('ConfigMap', 'airflow-config').data['airflow.cfg']).toContain('standalone_dag_processor = False');
    const asked = new Stack({ ...VERSION, dagProcessor: {} });
    expect(asked.get('Deployment', 'airflow-dag-processor')).toBeDefined();
    expect(asked.get('ConfigMap', 'airflow-config').data['airflow.cfg']).toContain('standalone_dag_processor = True');
  });

  it('has no option of Airflow 3 in airflow.cfg', () => {
    const config = stack.get('ConfigMap', 'airflow-config').data['airflow.cfg'] ?? '';
    expect(config).not.toMatch(/auth_manager =|\[dag_processor\]|dag_processor_child/);
    expect(config).toContain('[webserver]\nworkers = 1');
  });

  it('gives the pods of tasks the database and the Fernet key, by reference', () => {
    const base = container(taskPod(stack).spec, 'base');
    expect(envNames(base)).toEqual(
      expect.arrayContaining(['AIRFLOW__CORE__FERNET_KEY', 'AIRFLOW__DATABASE__SQL_ALCHEMY_CONN']),
    );
    const secrets = base.env?.filter(({ name }) => /_CONN$|FERNET/.test(name));
    expect(secrets).toHaveLength(2);
    expect(secrets).toEqual(secrets?.map(({ name }) => ({ name, valueFrom: expect.anything() as unknown })));
    expect(envNames(container(taskPod(new Stack()).spec, 'base'))).not.toContain('AIRFLOW__CORE__FERNET_KEY');
  });

  it.each([
    [{ keys: { jwtSecret: SecretRef.named('s', 'k') } }, '\'keys.jwtSecret\' ("s") must be left out'],
    [{ executor: Executor.kubernetes({ namespaces: ['team'] }) }, "must be the stack's own with Airflow 2"],
    [{ executor: Executor.kubernetes({ standby: { pods: 2 } }) }, "'executor.standby' (2) must be left out"],
  ])('refuses what only Airflow 3 can do: %j', (props, problem) => {
    expect(new Stack({ ...VERSION, ...props }).problems()).toEqual([expect.stringContaining(problem) as string]);
  });

  it.each(['2.10.5', '2.11.1', '2.11', '3.2.1', '4.0.0', '1.10.15'])('is the only Airflow 2: not %s', (version) => {
    expect(new Stack({ airflowVersion: version }).problems()).toEqual([
      expect.stringMatching(
        /must be 3\.2\.2 or newer of Airflow 3, .* or 2\.11\.2 or newer of Airflow 2\.11/,
      ) as string,
    ]);
  });
});
