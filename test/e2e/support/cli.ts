import { join } from 'node:path';
import { execa } from 'execa';
import { ROOT } from './cluster.js';

/** Runs the compiled CLI as a user would; its progress is shown, its JSON result returned. */
export async function cli<T>(...args: string[]): Promise<T> {
  const { stdout } = await execa(
    process.execPath,
    [join(ROOT, 'dist/lib/src/cli/main.js'), ...args, '--output', 'json'],
    { cwd: ROOT, stdin: 'ignore', stderr: ['pipe', 'inherit'], timeout: 15 * 60_000 },
  );
  return JSON.parse(stdout) as T;
}
