import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { CliError, errorMessage, EXIT_CODES } from '../errors.js';
import type { GlobalArgs } from '../options.js';

interface ImportArgs extends GlobalArgs {
  readonly file: string;
  readonly out: string;
  readonly force: boolean;
  readonly synth: boolean;
}

/** `cdk8s-airflow import-values`. Not `defineCommand`: it has no cluster, whose client takes half a second to load. */
export const importValuesCommand: CommandModule<GlobalArgs, ImportArgs> = {
  command: 'import-values <file>',
  describe: 'Write the TypeScript program for a values file of the official Airflow Helm chart (1.15 to 1.22)',
  builder: (args: Argv<GlobalArgs>) =>
    args
      .positional('file', { type: 'string', demandOption: true, describe: 'The values.yaml' })
      .option('out', {
        type: 'string',
        requiresArg: true,
        default: 'src/main.ts',
        describe: 'File to write the program to; - for standard output',
      })
      .option('force', { type: 'boolean', default: false, describe: 'Replace the file that is there' })
      .option('synth', {
        type: 'boolean',
        default: false,
        describe: 'Print the manifests as YAML instead, and write no program',
      })
      .example('$0 import-values values.yaml --release airflow --namespace airflow', 'Write src/main.ts')
      .example('$0 import-values values.yaml --synth > stack.yaml', 'Print the manifests'),
  handler: run,
};

async function run(args: ArgumentsCamelCase<ImportArgs>): Promise<void> {
  const { importValues } = await import('../import-values/import-values.js');
  const { remarkLines } = await import('../import-values/remarks.js');
  const { synthesize } = await import('../import-values/evaluate.js');
  const { file, release, namespace, out } = args;
  const imported = importValues(read(file), { name: file, release, namespace });
  // Before anything is written: what the constructs refuse is refused here.
  const manifests = await synthesize(imported.program).catch((error: unknown) => {
    throw new CliError(EXIT_CODES.USAGE, `${file}: ${errorMessage(error)}`, { cause: error });
  });
  const lines = remarkLines(imported.remarks, file);
  for (const line of lines) process.stderr.write(`${line}\n`);
  if (args.synth) {
    process.stdout.write(manifests);
    return;
  }
  const { print } = await import('../import-values/print.js');
  const program = print(imported.program, lines);
  if (out === '-') process.stdout.write(program);
  else write(out, program, args.force);
  if (out === '-') return;
  const result = { program: out, release, namespace, notCarriedOver: imported.remarks };
  process.stdout.write(args.output === 'json' ? `${JSON.stringify(result, undefined, 2)}\n` : `Wrote ${out}.\n`);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(EXIT_CODES.NOT_FOUND, `${file} cannot be read: ${errorMessage(error)}`, { cause: error });
  }
}

function write(out: string, text: string, force: boolean): void {
  if (existsSync(out) && !force)
    throw new CliError(EXIT_CODES.USAGE, `${out} is there already: give --force to replace it, or another --out.`);
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, text);
}
