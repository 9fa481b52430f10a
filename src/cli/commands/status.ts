import { LABELS } from '../../../constructs/contract.js';
import { defineCommand } from '../command.js';
import { CliError, EXIT_CODES } from '../errors.js';
import { observe, statusOf, statusText } from '../status.js';

/** `cdk8s-airflow status` */
export const status = defineCommand({
  command: 'status',
  describe: 'Show workloads, pods, claims and what keeps them from being ready',
  builder: (args) => args.example('$0 status --output json | jq .ready', 'For scripts'),
  run: async (session) => {
    const { client, namespace, release } = session;
    const observed = await observe(client, namespace, release, `${LABELS.DEPLOYMENT}=${release}`);
    if (observed.workloads.length === 0) {
      throw new CliError(
        EXIT_CODES.NOT_FOUND,
        `There is no release '${release}' in namespace '${namespace}' of ${client.server}.`,
      );
    }
    const found = statusOf(observed);
    session.print(found, () => statusText(found));
  },
});
