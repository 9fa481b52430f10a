import { createInterface } from 'node:readline/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { LABELS } from '../../../constructs/contract.js';
import { defineCommand } from '../command.js';
import { CliError, EXIT_CODES } from '../errors.js';
import { releaseNamespaces } from '../kube/launch-namespaces.js';
import { objectName, type KubeObject } from '../kube/objects.js';
import { DATA_KINDS, PRUNED_KINDS, releaseObjects, remove, taskRights } from '../kube/prune.js';
import { note } from '../progress.js';
import type { Session } from '../session.js';

/** The grace period of a pod, and some time for the kubelet. */
const SCHEDULER_END_MS = 60_000;

/** `cdk8s-airflow destroy` */
export const destroy = defineCommand({
  command: 'destroy',
  describe: "Remove the stack's objects; claims and Secrets stay unless --delete-data is given",
  builder: (args) =>
    args.option('yes', { type: 'boolean', alias: 'y', default: false, describe: 'Do not ask' }).option('delete-data', {
      type: 'boolean',
      default: false,
      describe:
        'Also delete volume claims (database, DAGs, logs) and Secrets (keys, passwords): they cannot be had back',
    }),
  run: async (session, args) => {
    const { client, namespace, release } = session;
    const kinds = args.deleteData ? [...PRUNED_KINDS, ...DATA_KINDS] : PRUNED_KINDS;
    // Before the ConfigMap that lists them goes.
    const namespaces = await releaseNamespaces(client, namespace, release);
    const objects: KubeObject[] = [];
    for (const each of namespaces) {
      objects.push(...(await releaseObjects(client, kinds, each, release)));
    }
    objects.push(...(await taskRights(client, namespace, release, namespaces)));
    // What a controller made goes with its owner.
    const own = objects.filter(({ metadata }) => (metadata.ownerReferences ?? []).length === 0);
    const found = [...own, ...(await taskPods(session, namespaces))];
    if (found.length === 0) {
      throw new CliError(EXIT_CODES.NOT_FOUND, `There is no release '${release}' in namespace '${namespace}'.`);
    }
    if (!args.yes) {
      await confirm(session, found, args.deleteData);
    }
    const removed = await removeAll(session, own);
    // Until its last moment a scheduler may make another one.
    await schedulersGone(session);
    removed.push(...(await removeAll(session, await taskPods(session, namespaces))));
    session.print(
      { removed },
      () =>
        `Removed ${removed.length} objects from ${namespaces.length > 1 ? 'namespaces' : 'namespace'} ${namespaces.join(', ')}.`,
    );
  },
});

async function removeAll({ client, signal }: Session, objects: readonly KubeObject[]): Promise<string[]> {
  const removed: string[] = [];
  for (const object of objects) {
    signal.throwIfAborted();
    await remove(client, object);
    removed.push(objectName(object));
    note(`${objectName(object)} removed`);
  }
  return removed;
}

/** The pods of tasks, whether our launcher made them or Airflow's own executor: nothing else deletes them. */
async function taskPods({ client, release }: Session, namespaces: readonly string[]): Promise<KubeObject[]> {
  const selectors = [`${LABELS.DEPLOYMENT}=${release}`, `release=${release},component=worker`];
  const pods = await Promise.all(
    namespaces.flatMap((namespace) => selectors.map((selector) => client.list('v1', 'Pod', namespace, selector))),
  );
  const own = pods.flat().filter(({ metadata }) => (metadata.ownerReferences ?? []).length === 0);
  return [...new Map(own.map((pod) => [`${pod.metadata.namespace ?? ''}/${pod.metadata.name}`, pod])).values()];
}

/** Waits until no scheduler runs, for no longer than its pod may take to end. */
async function schedulersGone({ client, namespace, release, signal }: Session): Promise<void> {
  const deadline = Date.now() + SCHEDULER_END_MS;
  const selector = `release=${release},component=scheduler`;
  while ((await client.list('v1', 'Pod', namespace, selector)).length > 0 && Date.now() < deadline) {
    await pause(500, undefined, { signal });
  }
}

async function confirm(session: Session, found: readonly KubeObject[], deleteData: boolean): Promise<void> {
  const what = `${found.length} objects of release '${session.release}' in namespace '${session.namespace}' of ${session.client.server}`;
  if (!process.stdin.isTTY) {
    throw new CliError(EXIT_CODES.USAGE, `destroy removes ${what}; pass --yes to do so without a terminal.`);
  }
  note(found.map((object) => `  ${objectName(object)}`).join('\n'));
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const data = deleteData ? ', with all data and keys' : '';
    const answer = await terminal.question(`Remove ${what}${data}? Type the release's name: `, {
      signal: session.signal,
    });
    if (answer.trim() !== session.release) {
      throw new CliError(EXIT_CODES.USAGE, 'Not confirmed; nothing was removed.');
    }
  } finally {
    terminal.close();
  }
}
