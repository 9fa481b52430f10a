import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Chart } from 'cdk8s';
import { Airflow, type AirflowProps } from '../../../constructs/index.js';
import { cli } from './cli.js';

/**
 * Synthesizes one stack of these props and deploys it by the CLI, which waits until everything is ready.
 * @param change called with the stack before it is synthesized
 * @returns the folder with the manifests
 */
export async function deploy(
  namespace: string,
  props: AirflowProps,
  change: (airflow: Airflow) => void = () => undefined,
): Promise<string> {
  const outdir = mkdtempSync(join(tmpdir(), 'cdk8s-airflow-e2e-'));
  const app = new App({ outdir });
  const chart = new Chart(app, 'airflow', { namespace });
  change(new Airflow(chart, 'airflow', props));
  app.synth();
  await cli('deploy', '--no-synth', '--app-output', outdir, '--namespace', namespace, '--timeout', '10m');
  return outdir;
}
