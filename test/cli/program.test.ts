import { CliError, EXIT_CODES } from '../../src/cli/errors.js';
import { program } from '../../src/cli/program.js';

/** The help that a command line prints. */
async function helpOf(...args: string[]): Promise<string> {
  return await new Promise((resolve, reject) => {
    const parsed = program([]).parseAsync([...args, '--help'], (_: unknown, __: unknown, output: string) => {
      resolve(output);
    });
    parsed.catch(reject);
  });
}

async function failureOf(...args: string[]): Promise<unknown> {
  try {
    // Not returned as a promise alone: yargs also throws before there is one.
    await program(args).parseAsync();
    return undefined;
  } catch (error) {
    return error;
  }
}

const COMMANDS = [
  ['up'],
  ['down'],
  ['deploy'],
  ['status'],
  ['logs'],
  ['dags', 'push'],
  ['ui'],
  ['destroy'],
  ['images', 'build'],
  ['import-values'],
];

describe('the command line', () => {
  test.each(COMMANDS)('%s %s explains itself, with the options that every command has', async (...command) => {
    const help = await helpOf(...command);
    expect(help).toContain(`cdk8s-airflow ${command.join(' ')}`);
    for (const option of ['--context', '--namespace', '--output', '--help']) {
      expect(help).toContain(option);
    }
  });

  test('lists its commands and exit codes', async () => {
    const help = await helpOf();
    for (const [command = ''] of COMMANDS) {
      expect(help).toContain(`cdk8s-airflow ${command}`);
    }
    expect(help).toContain('Exit codes: 0 done');
  });

  test.each([
    [['frobnicate'], 'Unknown'],
    [[], 'Say what to do.'],
    [['dags'], 'Say what to do with DAGs'],
    [['logs', 'only-a-dag'], 'Not enough non-option arguments'],
    [['status', '--no-such-option'], 'Unknown argument'],
    [['status', '--output', 'xml'], 'Invalid values'],
    [['deploy', '--timeout', 'soon'], "Not a duration: 'soon'"],
    [['up', '--context', 'production'], '"up" is for the local cluster alone'],
    [['down', '--context', 'production'], '"down" is for the local cluster alone'],
  ])('refuses %j as bad usage', async (args, message) => {
    const error = await failureOf(...args);
    expect(error).toBeInstanceOf(CliError);
    expect(error).toMatchObject({ exitCode: EXIT_CODES.USAGE, message: expect.stringContaining(message) as string });
  });

  test.each([
    ['deploy'],
    ['status'],
    ['logs', 'a', 'b'],
    ['dags', 'push', 'examples/dags'],
    ['ui'],
    ['destroy', '--yes'],
  ])('%s refuses a context that does not exist', async (...args) => {
    const error = await failureOf(...args, '--context', 'no-such-context');
    expect(error).toMatchObject({ exitCode: EXIT_CODES.CLUSTER });
  });
});
