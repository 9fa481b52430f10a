import { readdirSync, readFileSync } from 'node:fs';
import type { AirflowStack } from './airflow-stack.js';
import { podProcesses } from './cgroups.js';

const QUOTA = 'bench';
const frozen = new Set<number>();

process.once('exit', thaw);

/** Kills all that runs in the scheduler's pod, the executor's helpers included, at one stroke. */
export async function killScheduler(stack: AirflowStack): Promise<void> {
  const { metadata } = await stack.schedulerPod();
  for (const pid of podProcesses(metadata.uid ?? '').filter((one) => !isSandbox(one))) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended with its parent.
    }
  }
}

/** Freezes the API server for so long: connections stay open and nobody answers. */
export async function freezeApiServer(ms: number): Promise<void> {
  const pid = apiServer();
  frozen.add(pid);
  process.kill(pid, 'SIGSTOP');
  try {
    await new Promise((resolve) => setTimeout(resolve, ms));
  } finally {
    thaw();
  }
}

/** Lets only so many pods more exist in the stack's namespace, those that have ended not counted. */
export async function setQuota(stack: AirflowStack, more: number): Promise<void> {
  const { kube, namespace } = stack.cluster;
  const own = (await stack.cluster.pods('')).filter(({ status }) => {
    return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
  }).length;
  await removeQuota(stack);
  await stack.cluster.create({
    ...{ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: QUOTA, namespace } },
    spec: { hard: { pods: String(own + more) } },
  });
  // Until the controller has counted, the API server lets nothing in.
  for (;;) {
    const quota = await kube.find<{
      apiVersion: string;
      kind: string;
      metadata: { name: string };
      status?: { used?: object };
    }>('v1', 'ResourceQuota', namespace, QUOTA);
    if (quota?.status?.used !== undefined) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function removeQuota(stack: AirflowStack): Promise<void> {
  const { kube, namespace } = stack.cluster;
  if ((await kube.find('v1', 'ResourceQuota', namespace, QUOTA)) !== undefined) {
    await kube.request('DELETE', `/api/v1/namespaces/${namespace}/resourcequotas/${QUOTA}`);
  }
}

function thaw(): void {
  for (const pid of frozen) {
    process.kill(pid, 'SIGCONT');
    frozen.delete(pid);
  }
}

function apiServer(): number {
  const found = readdirSync('/proc').find((name) => /^\d+$/.test(name) && commandOf(Number(name)) === 'kube-apiserver');
  if (found === undefined) {
    throw new Error('no kube-apiserver runs on this machine: the benchmark needs the cluster of scripts/cluster');
  }
  return Number(found);
}

/** The pod's sandbox is Kubernetes' own part of it. */
function isSandbox(pid: number): boolean {
  return ['catatonit', 'pause'].includes(commandOf(pid));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}
