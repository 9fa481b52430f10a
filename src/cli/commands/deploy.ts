import { defineCommand } from '../command.js';
import { deploySteps, newDeployContext, type DeployResult } from '../deploy.js';
import { parseSeconds } from '../options.js';
import { steps } from '../progress.js';
import { synthOutput } from '../synth.js';

/** `cdk8s-airflow deploy` */
export const deploy = defineCommand({
  command: 'deploy',
  describe: 'Synthesize the stack, check it against the cluster, apply it, and wait until it is ready',
  builder: (args) =>
    args
      .option('app-output', {
        type: 'string',
        requiresArg: true,
        describe: 'Folder of the synthesized YAML [default: "output" of cdk8s.yaml, or dist/k8s]',
      })
      .option('synth', { type: 'boolean', default: true, describe: 'Run "cdk8s synth" first (--no-synth: do not)' })
      .option('create-namespace', {
        type: 'boolean',
        default: true,
        describe: 'Make the namespace if it is missing, with Pod Security "restricted"',
      })
      .option('prune', {
        type: 'boolean',
        default: true,
        describe: 'Remove what an earlier deploy applied and the stack no longer has; never claims or Secrets',
      })
      .option('wait', { type: 'boolean', default: true, describe: 'Wait until workloads and jobs are ready' })
      .option('timeout', {
        type: 'string',
        requiresArg: true,
        default: '10m',
        coerce: parseSeconds,
        describe: 'How long to wait (90s, 10m, 1h)',
      })
      .example('$0 deploy --context staging', 'Deploy the app of this folder')
      .example('$0 deploy --context staging --no-synth --app-output out', 'Deploy YAML that is there already'),
  run: async (session, args) => {
    const projectFolder = process.cwd();
    // Before anything is synthesized: an unnamed cluster is told at once.
    const { server } = session.client;
    const context = newDeployContext();
    await steps(
      deploySteps(session, {
        ...args,
        projectFolder,
        appOutput: args.appOutput ?? synthOutput(projectFolder) ?? 'dist/k8s',
      }),
    ).run(context);
    session.print({ cluster: server, namespace: session.namespace, ...context.result }, () =>
      summary(context.result, session.namespace),
    );
  },
});

function summary({ applied, removed, ready }: DeployResult, namespace: string): string {
  const changed = applied.filter(({ outcome }) => outcome !== 'unchanged');
  return [
    `Deployed to namespace ${namespace}: ${applied.length} objects, ${changed.length} of them new or changed.`,
    ...(removed.length > 0 ? [`Removed: ${removed.join(', ')}`] : []),
    ...(ready.length > 0 ? [`Ready: ${[...ready].sort().join(', ')}`] : []),
  ].join('\n');
}
