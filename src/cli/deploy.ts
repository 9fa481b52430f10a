import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CliError, EXIT_CODES } from './errors.js';
import { apply, dryRun, FIELD_MANAGER, type Outcome } from './kube/apply.js';
import type { KubeClient } from './kube/client.js';
import { readManifests } from './kube/manifests.js';
import { objectName, type KubeObject } from './kube/objects.js';
import { inApplyOrder } from './kube/order.js';
import { PRUNED_KINDS, releaseObjects, remove, superseded, taskRights } from './kube/prune.js';
import { takeOver } from './kube/take-over.js';
import { ReleaseView } from './kube/release-view.js';
import { NotReadyError, waitReady } from './kube/wait-ready.js';
import type { Step, StepHandle } from './progress.js';
import type { Session } from './session.js';
import { synth } from './synth.js';

export interface DeployOptions {
  /** Folder of cdk8s.yaml. */
  readonly projectFolder: string;
  /** Folder of the synthesized YAML, from the project folder. */
  readonly appOutput: string;
  readonly synth: boolean;
  readonly createNamespace: boolean;
  readonly prune: boolean;
  readonly wait: boolean;
  /** Seconds until everything must be ready. */
  readonly timeout: number;
}

export interface DeployResult {
  applied: { object: string; namespace?: string | undefined; outcome: Outcome }[];
  removed: string[];
  ready: string[];
}

export interface DeployContext {
  objects: KubeObject[];
  result: DeployResult;
}

export function newDeployContext(): DeployContext {
  return { objects: [], result: { applied: [], removed: [], ready: [] } };
}

const WORKLOAD_KINDS = new Set(['Deployment', 'StatefulSet', 'Job']);
/** How long a namespace of that name may take to go. */
const NAMESPACE_DELETION_MS = 120_000;
type Handle = StepHandle<DeployContext>;

/** The steps of `deploy`; each leaves what it did in the context. */
export function deploySteps(session: Session, options: DeployOptions): Step<DeployContext>[] {
  const missing = new Set<string>();
  return [
    {
      title: 'Synthesize',
      enabled: () => options.synth,
      task: async (_, task) => {
        await synth(options.projectFolder, session.signal, (line) => (task.output = line));
      },
    },
    {
      title: 'Check against the cluster',
      task: async (context, task) => {
        const folder = resolve(options.projectFolder, options.appOutput);
        context.objects = await placed(session.client, await readManifests(folder), session.namespace);
        await checkNamespaces(session, context.objects, options, missing);
        for (const object of context.objects) {
          await takeOver(session.client, object);
        }
        await dryRun(session.client, context.objects, missing);
        task.title = `Check against the cluster: ${context.objects.length} objects, none refused`;
      },
    },
    {
      title: 'Apply',
      task: async (context, task) => {
        await applyAll(session, context, missing, task);
      },
    },
    {
      title: 'Remove what the stack no longer has',
      enabled: () => options.prune,
      task: async (context, task) => {
        await prune(session, context, task);
      },
    },
    {
      title: 'Wait until everything is ready',
      enabled: () => options.wait,
      task: async (context, task) => {
        await waitForWorkloads(session, context, options, task);
      },
    },
  ];
}

/** Objects without a namespace go where --namespace says; those that name one stay there. */
async function placed(client: KubeClient, objects: readonly KubeObject[], namespace: string): Promise<KubeObject[]> {
  const result: KubeObject[] = [];
  for (const object of objects) {
    const here = object.metadata.namespace === undefined && (await client.isNamespaced(object.apiVersion, object.kind));
    result.push(here ? { ...object, metadata: { ...object.metadata, namespace } } : object);
  }
  const used = new Set(result.flatMap((object) => object.metadata.namespace ?? []));
  if (!used.has(namespace)) {
    throw new CliError(
      EXIT_CODES.USAGE,
      `The manifests are for namespace ${[...used].join(', ')}, not '${namespace}': ` +
        'pass --namespace accordingly, or change the namespace of the chart.',
    );
  }
  return inApplyOrder(result);
}

async function checkNamespaces(
  session: Session,
  objects: KubeObject[],
  options: DeployOptions,
  missing: Set<string>,
): Promise<void> {
  const declared = new Set(objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name));
  for (const name of new Set(objects.flatMap((object) => object.metadata.namespace ?? []))) {
    if (await namespaceExists(session, name)) {
      continue;
    }
    missing.add(name);
    if (declared.has(name)) {
      continue;
    }
    if (!options.createNamespace) {
      throw new CliError(EXIT_CODES.REFUSED, `There is no namespace '${name}': kubectl create namespace ${name}`);
    }
    // The stack runs under this level, so the cluster may as well hold it to that.
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    objects.unshift({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  }
}

/** One that is being deleted takes nothing new: waits until it is gone. */
async function namespaceExists({ client, signal }: Session, name: string): Promise<boolean> {
  const deadline = Date.now() + NAMESPACE_DELETION_MS;
  for (;;) {
    const found = await client.find('v1', 'Namespace', '', name);
    if (found?.metadata.deletionTimestamp === undefined) {
      return found !== undefined;
    }
    if (Date.now() > deadline) {
      throw new CliError(
        EXIT_CODES.REFUSED,
        `Namespace '${name}' is being deleted and does not go; nothing was changed.`,
      );
    }
    await pause(1000, undefined, { signal });
  }
}

async function applyAll(
  session: Session,
  { objects, result }: DeployContext,
  missing: ReadonlySet<string>,
  task: Handle,
): Promise<void> {
  for (const object of objects) {
    session.signal.throwIfAborted();
    const outcome = await apply(session.client, object, { fieldManager: FIELD_MANAGER });
    result.applied.push({ object: objectName(object), namespace: object.metadata.namespace, outcome });
    if (outcome !== 'unchanged') {
      task.output = `${objectName(object)} ${outcome}`;
    }
  }
  const count = (outcome: Outcome): number => result.applied.filter((entry) => entry.outcome === outcome).length;
  const made = missing.size > 0 ? `, namespace ${[...missing].join(', ')} made` : '';
  task.title = `Apply: ${count('created')} created, ${count('changed')} changed, ${count('unchanged')} unchanged${made}`;
}

async function prune(session: Session, { objects, result }: DeployContext, task: Handle): Promise<void> {
  const removeOld = async (found: readonly KubeObject[]): Promise<void> => {
    for (const object of superseded(found, objects)) {
      await remove(session.client, object);
      result.removed.push(objectName(object));
      task.output = `${objectName(object)} removed`;
    }
  };
  const namespaces = new Set(objects.flatMap((object) => object.metadata.namespace ?? []));
  for (const namespace of namespaces) {
    await removeOld(await releaseObjects(session.client, PRUNED_KINDS, namespace, session.release));
  }
  await removeOld(await taskRights(session.client, session.namespace, session.release, namespaces));
  task.title = `Remove what the stack no longer has: ${result.removed.length === 0 ? 'nothing' : result.removed.join(', ')}`;
}

async function waitForWorkloads(
  session: Session,
  { objects, result }: DeployContext,
  options: DeployOptions,
  task: Handle,
): Promise<void> {
  const deadline = Date.now() + options.timeout * 1000;
  const stopped = new AbortController();
  const signal = AbortSignal.any([session.signal, stopped.signal]);
  const views = new Map<string, ReleaseView>();
  const failures: Error[] = [];
  try {
    const workloads = objects.filter(({ kind }) => WORKLOAD_KINDS.has(kind));
    await Promise.all(
      workloads.map(async (object) => {
        const namespace = object.metadata.namespace ?? session.namespace;
        const view = views.get(namespace) ?? new ReleaseView(session.client, namespace, signal);
        views.set(namespace, view);
        const name = objectName(object);
        const onProgress = (line: string): void => void (task.output = `${name}: ${line}`);
        try {
          await waitReady(object, { client: session.client, view, namespace, deadline, onProgress });
          result.ready.push(name);
          task.title = `Wait until everything is ready: ${result.ready.length}/${workloads.length}`;
        } catch (error) {
          failures.push(error instanceof Error ? error : new Error(String(error)));
          // What failed for good is told at once: the others may wait for it in vain. At the deadline each tells its own.
          if (Date.now() < deadline) {
            stopped.abort();
          }
        }
      }),
    );
  } finally {
    stopped.abort();
  }
  session.signal.throwIfAborted();
  const told = failures.filter((error) => error instanceof NotReadyError);
  if (told.length > 0) {
    throw new CliError(EXIT_CODES.NOT_READY, told.map(({ message }) => message).join('\n'));
  }
  if (failures[0] !== undefined) {
    throw failures[0];
  }
}
