import { defineCommand } from '../command.js';
import { clusterScript, requireLocal } from '../local.js';
import { steps } from '../progress.js';

/** `cdk8s-airflow down` */
export const down = defineCommand({
  command: 'down',
  describe: 'Stop the local cluster and remove everything of it but the builds and images',
  builder: (args) => args,
  run: async (session, args) => {
    requireLocal('down', args.context);
    await steps<object>([
      {
        title: 'Stop the local cluster',
        task: async (_, task) => {
          await clusterScript('down', session.signal, (line) => (task.output = line));
        },
      },
    ]).run({});
    session.print({ stopped: true }, () => 'The local cluster is down.');
  },
});
