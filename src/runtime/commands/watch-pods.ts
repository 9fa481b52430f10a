import { createInterface } from 'node:readline';
import { EXIT_CODES } from '../../../constructs/contract.js';
import { createLogger } from '../log.js';
import { openOutput } from '../run/json-sink.js';
import { PodFollows } from '../deferred/pod-follows.js';
import { VERSION } from '../version.js';

const STDERR = 2;

/**
 * Follows many pods, with one watch a namespace: orders come as JSON lines on standard input, events go to standard
 * output. Ends when its input ends, or by a signal; the pods live on. @returns the exit code
 */
export async function watchPods(env: NodeJS.ProcessEnv): Promise<number> {
  const output = openOutput();
  const follows = new PodFollows({
    env,
    version: VERSION,
    log: createLogger(env, STDERR),
    sink: { tell: (event) => output.write(`${JSON.stringify(event)}\n`), ready: () => output.ready() },
  });
  const orders = createInterface({ input: process.stdin });
  orders.on('line', (line) => {
    follows.take(line);
  });
  await new Promise<void>((resolve) => {
    orders.on('close', resolve);
    output.onGone(resolve);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        resolve();
      });
    }
  });
  await follows.close();
  await output.end();
  return EXIT_CODES.OK;
}
