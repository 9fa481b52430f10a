import type { RunPod } from '../../../src/runtime/run/pod-view.js';

type Status = NonNullable<RunPod['status']>;
type Containers = NonNullable<Status['containerStatuses']>;

/** A pod with a node, in this phase, whose containers are in these states. */
export function pod(phase: string, states: Readonly<Record<string, object>>, status: Partial<Status> = {}): RunPod {
  const containerStatuses = Object.entries(states).map(([name, state]) => ({
    name,
    containerID: 'c',
    state,
  })) as Containers;
  return {
    metadata: { name: 'p', uid: 'u' },
    spec: { nodeName: 'node0' },
    status: { phase, containerStatuses, ...status },
  };
}

export const RUNS = { running: {} };
export const exited = (exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error'): object => ({
  terminated: { exitCode, reason },
});
export const waits = (reason: string, message = ''): object => ({ waiting: { reason, message } });
