import { Stack } from './stack.js';

const cfg = (stack: Stack): string => stack.get('ConfigMap', 'airflow-config').data['airflow.cfg'] ?? '';

/** The value of an option, as Airflow reads it. */
function option(text: string, section: string, name: string): string | undefined {
  const body = text.split(/^\[/m).find((part) => part.startsWith(`${section}]`));
  return body
    ?.split('\n')
    .find((line) => line.startsWith(`${name} = `))
    ?.slice(name.length + 3);
}

describe('AirflowConfig', () => {
  const text = cfg(new Stack());

  test('finds a new DAG within 30 seconds', () => {
    const listed =
      Number(option(text, 'dag_processor', 'refresh_interval')) +
      Number(option(text, 'dag_processor', 'bundle_refresh_check_interval'));
    expect(listed).toBeLessThanOrEqual(15);
    expect(Number(option(text, 'core', 'min_serialized_dag_update_interval'))).toBeLessThan(15);
  });

  test("has a dead scheduler's tasks adopted within 60 seconds", () => {
    const noticed = Number(option(text, 'scheduler', 'scheduler_health_check_threshold'));
    expect(noticed + Number(option(text, 'scheduler', 'orphaned_tasks_check_interval'))).toBeLessThan(60);
    expect(Number(option(text, 'scheduler', 'scheduler_heartbeat_sec')) * 3).toBeLessThanOrEqual(noticed);
  });

  test('holds no secret and no database', () => {
    expect(text).not.toMatch(/sql_alchemy_conn|fernet_key|jwt_secret|secret_key/);
  });

  test('gives the user the last word', () => {
    const own = cfg(
      new Stack({ config: { core: { load_examples: 'True', executor: 'my.Executor' }, my_section: { a: 'b' } } }),
    );
    expect(option(own, 'core', 'load_examples')).toBe('True');
    expect(option(own, 'core', 'executor')).toBe('my.Executor');
    expect(option(own, 'my_section', 'a')).toBe('b');
  });

  test('indents the lines of a value that has several', () => {
    expect(cfg(new Stack({ config: { logging: { x: '{\n"a": 1}' } } }))).toContain('x = {\n  "a": 1}\n');
  });

  test('restarts the pods that read it, by its checksum', () => {
    const checksum = (stack: Stack): string | undefined =>
      stack.get('Deployment', 'airflow-scheduler').spec.template.metadata.annotations['checksum/airflow-config'];
    expect(checksum(new Stack())).toMatch(/^[0-9a-f]{64}$/);
    expect(checksum(new Stack({ config: { core: { a: 'b' } } }))).not.toBe(checksum(new Stack()));
  });

  test('matches its snapshot', () => {
    expect(text).toMatchSnapshot();
  });
});
