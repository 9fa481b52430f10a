import { formatLogEntry } from '../../src/cli/task-log.js';

describe("a line of a task's log", () => {
  test('shows time, level, text and what else the entry says', () => {
    const entry = { timestamp: '2026-01-01T00:00:00Z', level: 'info', event: 'Done', logger: 'x', exit_code: 127 };
    expect(formatLogEntry(entry)).toBe('[2026-01-01T00:00:00Z] INFO - Done exit_code=127');
  });

  test('of a failure goes on with the traceback', () => {
    const frames = [{ filename: '/opt/airflow/dags/a.py', lineno: 7, name: 'hello' }];
    const entry = { event: 'Task failed', error_detail: [{ exc_type: 'ValueError', exc_value: 'no', frames }] };
    expect(formatLogEntry(entry).split('\n')).toEqual([
      'Task failed',
      '  at hello (/opt/airflow/dags/a.py:7)',
      '  ValueError: no',
    ]);
  });

  test('that is plain text stays as it is', () => {
    expect(formatLogEntry('as it was written')).toBe('as it was written');
  });
});
