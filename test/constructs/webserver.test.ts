import { Executor, Logs } from '../../constructs/index.js';
import { container, envNames, mountNames, Stack } from './stack.js';

describe('Webserver', () => {
  const stack = new Stack();

  test('is the api-server of Airflow 3 behind a Service on port 8080', () => {
    const server = container(stack.pod('Deployment', 'airflow-api-server'), 'api-server');
    expect(server.args).toEqual(['bash', '-c', 'exec airflow api-server']);
    expect(stack.get('Service', 'airflow-api-server').spec).toEqual({
      selector: { tier: 'airflow', component: 'api-server', release: 'airflow' },
      ports: [{ name: 'api-server', port: 8080, targetPort: 'api-server' }],
    });
  });

  test('has all keys, the identity of the launcher and the reader of kept pods', () => {
    expect(envNames(container(stack.pod('Deployment', 'airflow-api-server'), 'api-server'))).toEqual([
      'AIRFLOW__API_AUTH__JWT_SECRET',
      'AIRFLOW__API__SECRET_KEY',
      'AIRFLOW__CORE__FERNET_KEY',
      'AIRFLOW__DATABASE__SQL_ALCHEMY_CONN',
      'AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS',
      'CONNECTION_CHECK_MAX_COUNT',
      'POD_LAUNCHER_DEPLOYMENT',
      'POD_LAUNCHER_NAMESPACES',
    ]);
  });

  test('may only read pods and their logs', () => {
    const role = stack.get('Role', 'airflow-pod-log-reader-role');
    expect(role.rules).toEqual([
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] },
      { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
    ]);
    expect(stack.get('RoleBinding', 'airflow-pod-log-reader-rolebinding').subjects).toEqual([
      { kind: 'ServiceAccount', name: 'airflow-airflow-api-server', namespace: 'airflow' },
    ]);
  });

  test('has neither DAGs nor, with Executor.local, a token', () => {
    const local = new Stack({ executor: Executor.local(), logs: Logs.volume() });
    expect(mountNames(container(local.pod('Deployment', 'airflow-api-server'), 'api-server'))).toEqual([
      'config',
      'logs',
      'scripts',
    ]);
    expect(local.all('Role').map(({ metadata }) => metadata.name)).toEqual(['airflow-create-secrets-role']);
  });

  test('tells the tasks where it is, under the path of its base URL', () => {
    const based = new Stack({ webserver: { baseUrl: 'https://example.com/flow/', workers: 3 } });
    const cfg = based.get('ConfigMap', 'airflow-config').data['airflow.cfg'];
    expect(cfg).toContain('execution_api_server_url = http://airflow-api-server:8080/flow/execution/');
    expect(cfg).toContain('base_url = https://example.com/flow/');
    expect(cfg).toContain('workers = 3');
    expect(container(based.pod('Deployment', 'airflow-api-server'), 'api-server').readinessProbe).toMatchObject({
      httpGet: { path: '/flow/api/v2/version' },
    });
  });

  test('matches its snapshot', () => {
    expect(container(stack.pod('Deployment', 'airflow-api-server'), 'api-server')).toMatchSnapshot();
  });
});
