import { execa } from 'execa';
import type { Sample } from '../samples.js';
import { scratchFolder } from '../scratch.js';

const TIMES = 5;
const APP = 'dist/lib/src/main.js';

/** Synthesis of the default stack: the compiled app alone, and through the cdk8s command line. */
export async function synth(record: (sample: Sample) => void): Promise<void> {
  const outdir = scratchFolder('synth');
  const env = { CDK8S_OUTDIR: outdir };
  for (let time = 0; time < TIMES; time += 1) {
    record({ figure: 'synthSeconds', contender: 'app', size: 0, value: await seconds('node', [APP], env) });
    const cli = ['synth', '--app', `node ${APP}`, '--output', outdir];
    record({
      figure: 'synthSeconds',
      contender: 'cdk8s',
      size: 0,
      value: await seconds('npx', ['cdk8s', ...cli], env),
    });
  }
}

async function seconds(command: string, args: readonly string[], env: Record<string, string>): Promise<number> {
  const startedAt = performance.now();
  await execa(command, args, { env });
  return (performance.now() - startedAt) / 1000;
}
