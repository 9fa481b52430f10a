import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { CliError, EXIT_CODES } from './errors.js';
import { runProgram } from './run-script.js';

/** Folder that cdk8s writes to unless cdk8s.yaml says otherwise. */
const CDK8S_DEFAULT_OUTPUT = 'dist';

/** The output folder of the project's cdk8s.yaml; undefined if it has none. */
export function synthOutput(projectFolder: string): string | undefined {
  const file = join(projectFolder, 'cdk8s.yaml');
  if (!existsSync(file)) {
    return undefined;
  }
  const { output } = (parse(readFileSync(file, 'utf8')) ?? {}) as { output?: string };
  return output ?? CDK8S_DEFAULT_OUTPUT;
}

/**
 * Runs `cdk8s synth` of the project, with its own cdk8s-cli.
 * @throws CliError USAGE if the project has no cdk8s.yaml or no cdk8s-cli
 */
export async function synth(projectFolder: string, signal: AbortSignal, onLine: (line: string) => void): Promise<void> {
  if (!existsSync(join(projectFolder, 'cdk8s.yaml'))) {
    throw new CliError(
      EXIT_CODES.USAGE,
      `There is no cdk8s.yaml in ${projectFolder}. Go to the folder of your cdk8s app, or pass --no-synth --app-output FOLDER.`,
    );
  }
  await runProgram(process.execPath, [cdk8sBin(projectFolder), 'synth'], {
    cwd: projectFolder,
    signal,
    onLine,
    env: { CDK8S_CHECK_UPGRADE: 'false' },
  });
}

function cdk8sBin(projectFolder: string): string {
  for (let folder = projectFolder; ; folder = dirname(folder)) {
    const bin = join(folder, 'node_modules', 'cdk8s-cli', 'bin', 'cdk8s');
    if (existsSync(bin)) {
      return bin;
    }
    if (folder === dirname(folder)) {
      throw new CliError(EXIT_CODES.USAGE, 'cdk8s-cli is not installed here: npm install --save-dev cdk8s-cli');
    }
  }
}
