import { setTimeout as pause } from 'node:timers/promises';
import yargs from 'yargs';
import { defineCommand } from '../../src/cli/command.js';
import { EXIT_CODES } from '../../src/cli/errors.js';
import { withGlobalOptions } from '../../src/cli/options.js';

describe('a command', () => {
  it('says that it was interrupted, whatever it was doing', async () => {
    const waiting = defineCommand({
      command: 'wait',
      describe: 'Wait for ever',
      builder: (args) => args,
      run: async ({ signal }) => {
        setImmediate(() => process.emit('SIGTERM'));
        await pause(60_000, undefined, { signal });
      },
    });
    const parsed = withGlobalOptions(yargs(['wait']))
      .command(waiting)
      .fail(false)
      .exitProcess(false)
      .parseAsync();
    await expect(parsed).rejects.toMatchObject({ exitCode: EXIT_CODES.INTERRUPTED, message: 'Interrupted.' });
  });
});
