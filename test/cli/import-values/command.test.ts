import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { EXIT_CODES } from '../../../src/cli/errors.js';
import { offlineProgram } from '../../../src/cli/offline-program.js';

const folder = mkdtempSync(path.join(tmpdir(), 'import-values-'));
const file = path.join(folder, 'values.yaml');
const out = path.join(folder, 'src', 'main.ts');

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs the command, and gives what it wrote to the two streams. */
async function run(values: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  writeFileSync(file, values);
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    jest.spyOn(process[stream], 'write').mockImplementation((text) => {
      written[stream] += String(text);
      return true;
    }),
  );
  try {
    await offlineProgram(['import-values', file, ...args]).parseAsync();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return written;
}

describe('import-values', () => {
  it('prints manifests on standard output and what is left on standard error', async () => {
    const { stdout, stderr } = await run('{}', '--synth', '--release', 'prod', '--namespace', 'data');
    const manifests = parseAllDocuments(stdout).map((document) => document.toJS() as { metadata: { name: string } });
    expect(manifests.map(({ metadata }) => metadata.name)).toContain('prod-scheduler');
    expect(stderr).toContain('- executor: Celery workers are not offered yet');
  });

  it('writes a program, and replaces one only when told to', async () => {
    const { stdout } = await run('executor: KubernetesExecutor', '--out', out, '--output', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ program: out, release: 'airflow', notCarriedOver: [] });
    expect(readFileSync(out, 'utf8')).toContain("new Airflow(chart, 'airflow');");
    await expect(run('{}', '--out', out)).rejects.toMatchObject({ exitCode: EXIT_CODES.USAGE });
    await run('labels: { a: b }', '--out', out, '--force');
    expect(readFileSync(out, 'utf8')).toContain("labels: { a: 'b' }");
  });

  it('writes nothing of values that are refused', async () => {
    const other = path.join(folder, 'other.ts');
    await expect(run('schedulr: 1', '--out', other)).rejects.toMatchObject({
      exitCode: EXIT_CODES.USAGE,
      message: expect.stringContaining(`${file}:1: schedulr`) as string,
    });
    // By the constructs, not by the chart.
    await expect(run('scheduler: { replicas: 0 }', '--out', other)).rejects.toMatchObject({
      exitCode: EXIT_CODES.USAGE,
      message: expect.stringContaining("scheduler: 'replicas' (0) must be at least 1") as string,
    });
    expect(existsSync(other)).toBe(false);
  });

  it('says which file cannot be read', async () => {
    const args = ['import-values', path.join(folder, 'none.yaml')];
    await expect(offlineProgram(args).parseAsync()).rejects.toMatchObject({ exitCode: EXIT_CODES.NOT_FOUND });
  });
});
