// Bundles the runtime, with all it imports, into the one file that the Python wheel carries, and runs the generator of
// the Python contract. Usage: node scripts/runtime/bundle.mjs
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const project = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));

const common = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  absWorkingDir: project,
  logLevel: 'warning',
};

await build({
  ...common,
  entryPoints: ['src/runtime/main.ts'],
  outfile: 'dist/runtime/pod-launcher.cjs',
  minify: true,
  // Stack traces name functions, not letters.
  keepNames: true,
  legalComments: 'external',
  define: { 'process.env.POD_LAUNCHER_VERSION': JSON.stringify(version) },
});

const scratch = join(project, 'dist/contract');
mkdirSync(scratch, { recursive: true });
await build({ ...common, entryPoints: ['scripts/contract.ts'], outfile: join(scratch, 'contract.cjs') });
execFileSync(process.execPath, [
  join(scratch, 'contract.cjs'),
  join(project, 'python/src/airflow_pod_launcher/_contract.py'),
]);
rmSync(scratch, { recursive: true });
