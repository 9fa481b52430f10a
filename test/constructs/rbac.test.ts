import { Executor } from '../../constructs/index.js';
import { Stack } from './stack.js';

/** Who may do what: service account, then what its Roles allow. */
function rights(stack: Stack): Record<string, string[]> {
  const granted: Record<string, string[]> = {};
  for (const { metadata, subjects } of stack.all('RoleBinding')) {
    const role = stack.get('Role', metadata.name.replace(/binding$/, ''));
    for (const { name } of subjects) {
      const rules = role.rules.map(({ resources, verbs, resourceNames }) =>
        [verbs.join(','), resources.join(','), ...(resourceNames ?? [])].join(' '),
      );
      granted[name] = [...(granted[name] ?? []), ...rules];
    }
  }
  return granted;
}

describe('RBAC', () => {
  test('gives rights to the launcher, the reader of logs and the maker of Secrets, and to nobody else', () => {
    expect(Object.keys(rights(new Stack())).sort()).toEqual([
      'airflow-airflow-api-server',
      'airflow-airflow-create-secrets',
      'airflow-airflow-scheduler',
    ]);
  });

  test('lets the maker of Secrets read only those that it makes', () => {
    const [create, read] = rights(new Stack())['airflow-airflow-create-secrets'] ?? [];
    expect(create).toBe('create secrets');
    expect(read).toMatch(/^get secrets airflow-/);
  });

  test('gives nobody rights over pods when tasks run in the scheduler', () => {
    expect(Object.keys(rights(new Stack({ executor: Executor.local() })))).toEqual(['airflow-airflow-create-secrets']);
  });

  test('matches its snapshot', () => {
    expect(rights(new Stack())).toMatchSnapshot();
  });
});
