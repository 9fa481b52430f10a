import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dag, ImportError } from '../../../src/cli/airflow-api.js';
import { dagFiles, mayHoldDag, tarOf } from '../../../src/cli/dags/archive.js';
import { parseState, type Pushed } from '../../../src/cli/dags/push.js';
import { RECEIVE_SCRIPT } from '../../../src/cli/dags/receive-script.js';

describe('a folder of DAGs', () => {
  let from: string;
  let to: string;
  beforeEach(() => {
    from = mkdtempSync(join(tmpdir(), 'dags-from-'));
    to = mkdtempSync(join(tmpdir(), 'dags-to-'));
    mkdirSync(join(from, 'team', '__pycache__'), { recursive: true });
    writeFileSync(join(from, 'a.py'), 'new');
    writeFileSync(join(from, 'team', 'b.py'), 'b');
    writeFileSync(join(from, 'team', '__pycache__', 'b.cpython-312.pyc'), 'x');
  });
  afterEach(() => {
    rmSync(from, { recursive: true });
    rmSync(to, { recursive: true });
  });

  async function receive(remove = false): Promise<Omit<Pushed, 'dagFiles'>> {
    const archive = await tarOf(from, await dagFiles(from));
    const args = ['-c', RECEIVE_SCRIPT, to, String(archive.length), String(remove)];
    return JSON.parse(execFileSync('python3', args, { input: archive, encoding: 'utf8' })) as Omit<Pushed, 'dagFiles'>;
  }

  test('is sent without what Python leaves behind', async () => {
    expect(await dagFiles(from)).toEqual(['a.py', 'team/b.py']);
  });

  test('arrives with its subfolders; what is the same is left alone', async () => {
    writeFileSync(join(to, 'a.py'), 'old');
    expect(await receive()).toMatchObject({ written: ['a.py', 'team/b.py'], unchanged: [], deleted: [] });
    expect(readFileSync(join(to, 'a.py'), 'utf8')).toBe('new');
    expect(readFileSync(join(to, 'team', 'b.py'), 'utf8')).toBe('b');
    expect(await receive()).toMatchObject({ written: [], unchanged: ['a.py', 'team/b.py'] });
  });

  test('deletes what it does not have only when told so', async () => {
    writeFileSync(join(to, 'old.py'), 'old');
    await receive();
    expect(existsSync(join(to, 'old.py'))).toBe(true);
    expect((await receive(true)).deleted).toEqual(['old.py']);
    expect(existsSync(join(to, 'old.py'))).toBe(false);
  });

  test('that is empty or missing is refused', async () => {
    await expect(dagFiles(join(from, 'none'))).rejects.toThrow('is no folder that can be read');
    await expect(dagFiles(to)).rejects.toThrow('holds no file');
  });
});

test('a file is looked at for DAGs as Airflow does it: by the words in it', () => {
  expect(mayHoldDag('a.py', 'from airflow.sdk import dag')).toBe(true);
  expect(mayHoldDag('helpers.py', 'import json')).toBe(false);
  expect(mayHoldDag('README.md', 'airflow dag')).toBe(false);
});

describe('whether Airflow has parsed what was pushed', () => {
  const pushed: Pushed = {
    written: ['new.py'],
    unchanged: ['same.py'],
    deleted: [],
    time: Date.parse('2026-01-01T00:00:10Z') / 1000,
    dagFiles: ['new.py', 'same.py'],
  };
  const dag = (file: string, last_parsed_time: string): Dag => ({
    dag_id: file.replace('.py', ''),
    is_paused: true,
    is_stale: false,
    relative_fileloc: file,
    fileloc: `/opt/airflow/dags/${file}`,
    last_parsed_time,
    tags: [],
  });

  test('a changed file counts from the push on, an unchanged one always', () => {
    const before = [dag('new.py', '2026-01-01T00:00:09Z'), dag('same.py', '2026-01-01T00:00:01Z')];
    expect(parseState(pushed, before, []).waiting).toEqual(['new.py']);
    const after = [dag('new.py', '2026-01-01T00:00:11Z'), dag('same.py', '2026-01-01T00:00:01Z')];
    expect(parseState(pushed, after, [])).toMatchObject({ waiting: [], dags: after });
  });

  test('a file that cannot be imported is answered by its error', () => {
    const error: ImportError = {
      import_error_id: 1,
      timestamp: '2026-01-01T00:00:12Z',
      filename: 'new.py',
      stack_trace: 'SyntaxError: invalid syntax',
    };
    const state = parseState(pushed, [dag('same.py', '2026-01-01T00:00:01Z')], [error]);
    expect(state).toMatchObject({ waiting: [], errors: [error] });
  });
});
