import { readdirSync, readFileSync } from 'node:fs';

/** A process and the arguments it was started with. */
export interface Process {
  readonly pid: number;
  readonly args: string;
}

/** The most that any process whose arguments hold this text has had in memory, looked at several times a second. */
export class PeakMeter {
  private static readonly EVERY_MS = 100;
  private most = 0;
  private readonly timer = setInterval(() => {
    this.look();
  }, PeakMeter.EVERY_MS);

  constructor(private readonly text: string) {}

  /** @returns bytes; 0 when none was seen */
  stop(): number {
    clearInterval(this.timer);
    return this.most;
  }

  private look(): void {
    for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      try {
        if (readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(this.text)) {
          const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'));
          this.most = Math.max(this.most, Number(peak?.[1] ?? 0) * 1024);
        }
      } catch {
        // It ended meanwhile.
      }
    }
  }
}

/** A process and all that it started, and so on. */
export function processTree(root: number): Process[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const found = [root];
  for (const parent of found) {
    found.push(...[...parents].filter(([, of]) => of === parent).map(([pid]) => pid));
  }
  return found.map((pid) => ({ pid, args: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') }));
}
