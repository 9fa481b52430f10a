import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { CommandModule } from 'yargs';
import { DEFAULT_AIRFLOW_VERSION, VERSION } from '../../../constructs/version.js';
import { defineCommand } from '../command.js';
import { CliError, EXIT_CODES } from '../errors.js';
import { buildArguments, findEngine } from '../images.js';
import type { GlobalArgs } from '../options.js';
import { packageRoot } from '../package-root.js';
import { note, steps, type Step } from '../progress.js';
import { runProgram } from '../run-script.js';

const build = defineCommand({
  command: 'build',
  describe: 'Build the Airflow image with docker, podman or buildah, whichever works here',
  builder: (args) =>
    args
      .option('tag', {
        type: 'string',
        requiresArg: true,
        describe: `Name of the image [default: docker.io/cdk8s-airflow/airflow:<airflow version>-${VERSION}]`,
      })
      .option('airflow-version', {
        type: 'string',
        requiresArg: true,
        default: DEFAULT_AIRFLOW_VERSION,
        describe: 'Tag of apache/airflow to build on',
      })
      .option('push', { type: 'boolean', default: false, describe: 'Push it to its registry' })
      .example('$0 images build --tag registry.example.com/airflow:1.0.0 --push', 'Build and push'),
  run: async (session, args) => {
    const root = packageRoot();
    const tag = args.tag ?? `docker.io/cdk8s-airflow/airflow:${args.airflowVersion}-${VERSION}`;
    const engine = await findEngine();
    note(`building ${tag} with ${engine}`);
    const { signal } = session;
    const packages = join(root, 'dist', 'packages');
    const tasks: Step<object>[] = [
      {
        title: 'Wheel',
        task: async (_, task) => {
          const script = join(root, 'scripts', 'wheel', 'build.sh');
          await runProgram('bash', [script], { cwd: root, signal, onLine: (line) => (task.output = line) });
          if (!existsSync(packages)) {
            throw new CliError(EXIT_CODES.ERROR, `${script} made no ${packages}.`);
          }
        },
      },
      {
        title: `Image ${tag}`,
        task: async (_, task) => {
          const options = {
            dockerfile: join(root, 'images', 'airflow', 'Dockerfile'),
            context: packages,
            tag,
            buildArgs: { AIRFLOW_VERSION: args.airflowVersion },
          };
          await runProgram(engine, buildArguments(engine, options), {
            cwd: root,
            signal,
            onLine: (line) => (task.output = line),
          });
        },
      },
      {
        title: `Push ${tag}`,
        enabled: () => args.push,
        task: async (_, task) => {
          await runProgram(engine, ['push', tag], { cwd: root, signal, onLine: (line) => (task.output = line) });
        },
      },
    ];
    await steps(tasks).run({});
    const inspect =
      engine === 'buildah'
        ? ['inspect', '--type', 'image', '--format', '{{.FromImageID}}', tag]
        : ['image', 'inspect', '--format', '{{.Id}}', tag];
    const { stdout } = await execa(engine, inspect, { reject: false });
    session.print({ image: tag, id: stdout.trim(), engine, pushed: args.push }, () => tag);
  },
});

/** `cdk8s-airflow images …` */
export const images: CommandModule<GlobalArgs, GlobalArgs> = {
  command: 'images',
  describe: 'Build the images',
  builder: (args) => args.command(build).demandCommand(1, 'Say what to do with images: build.'),
  handler: () => undefined,
};
