import { parseOptions } from './options.js';

/** Says what is wrong with the arguments, or their meaning for `--help`. Python is not there yet. */
try {
  parseOptions(['--python', 'python3', ...process.argv.slice(2)]);
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
