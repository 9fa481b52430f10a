import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the node's kubelet keeps the control groups of pods (cgroup v1, driver cgroupfs: scripts/cluster). */
const ROOT = '/sys/fs/cgroup';
const CLASSES = ['', 'burstable', 'besteffort'];

/** The folder of each pod's control group under one controller, by pod uid. */
function podFolders(controller: 'cpuacct' | 'memory'): Map<string, string> {
  const found = new Map<string, string>();
  for (const quality of CLASSES) {
    const parent = join(ROOT, controller, 'kubepods', quality);
    for (const name of existsSync(parent) ? readdirSync(parent) : []) {
      if (name.startsWith('pod')) {
        found.set(name.slice('pod'.length), join(parent, name));
      }
    }
  }
  return found;
}

/** All processes of a pod that has control groups, those of its sandbox included. */
export function podProcesses(uid: string): number[] {
  const folder = podFolders('cpuacct').get(uid);
  if (folder === undefined) {
    throw new Error(`pod ${uid} has no control group`);
  }
  const containers = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return containers.flatMap(({ name }) =>
    readFileSync(join(folder, name, 'cgroup.procs'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(Number),
  );
}

/** Proportional set size of all processes of a pod in bytes; one that ends meanwhile counts nothing. */
export function podPssBytes(uid: string): number {
  return podProcesses(uid).reduce((sum, pid) => sum + (pssBytes(pid) ?? 0), 0);
}

/** Proportional set size of a process; null when it has ended. */
export function pssBytes(pid: number): number | null {
  try {
    return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) * 1024;
  } catch {
    return null;
  }
}

/** What one pod used. */
export interface PodUse {
  readonly cpuSeconds: number;
  /** Most memory at any look that is no file cache. */
  readonly memoryBytes: number;
}

/**
 * Looks several times a second at the control groups of all pods that came after its start, the last look being at
 * most one interval before a pod's end.
 */
export class PodMeter {
  private static readonly EVERY_MS = 200;
  private readonly before = new Set(podFolders('cpuacct').keys());
  private readonly uses = new Map<string, PodUse>();
  private readonly timer = setInterval(() => {
    this.look();
  }, PodMeter.EVERY_MS);

  stop(): readonly PodUse[] {
    clearInterval(this.timer);
    return [...this.uses.values()];
  }

  private look(): void {
    const memory = podFolders('memory');
    for (const [uid, folder] of podFolders('cpuacct')) {
      if (this.before.has(uid)) {
        continue;
      }
      try {
        const cpuSeconds = Number(readFileSync(join(folder, 'cpuacct.usage'), 'utf8')) / 1e9;
        const stat = readFileSync(join(memory.get(uid) ?? folder, 'memory.stat'), 'utf8');
        const now = Number(/^total_rss (\d+)$/m.exec(stat)?.[1] ?? 0);
        this.uses.set(uid, { cpuSeconds, memoryBytes: Math.max(now, this.uses.get(uid)?.memoryBytes ?? 0) });
      } catch {
        // The pod ended between two reads.
      }
    }
  }
}

/** The most that a pod's processes held at once, looked at every second. */
export class PssMeter {
  private most = 0;
  private readonly timer = setInterval(() => {
    try {
      this.most = Math.max(this.most, podPssBytes(this.uid));
    } catch {
      // A container of the pod ended between two reads.
    }
  }, 1000);

  constructor(private readonly uid: string) {}

  stop(): number {
    clearInterval(this.timer);
    return this.most;
  }
}
