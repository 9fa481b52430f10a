import type { LaunchRecord } from './record.js';

const START = 16;
/** A node may always have so many, however late it starts them: it may be pulling an image. */
const LEAST_PER_NODE = 4;
/** A node that starts a pod so quickly has nothing to be spared. */
const QUICK_MS = 500;
const PROMPT_MS = 2000;
const SLOW_MS = 5000;
/** A pod that no scheduler has looked at for so long is no node's load. */
const UNSEEN_MS = 10_000;

interface Starting {
  /** When the API server first confirmed the pod, then when it was first seen on a node; by the steady clock. */
  since: number;
  bound: boolean;
  /** Does it count? Pods that wait for a node do not. */
  counts: boolean;
  /** Were there so many others when it came that the number, and not a lack of launches, limits? */
  readonly amongMany: boolean;
}

/**
 * How many pods may be on their way to Running at once. A node that starts many containers together starts all of them
 * late, and slows down the tasks that run on it. So the number follows the time from a pod's place on a node to its
 * start: it grows while that is short and the number is what limits, and shrinks when it is long. Pods that cannot be
 * scheduled burden no node, and show an autoscaler what is needed: they do not count.
 */
export class StartPace {
  private readonly starting = new Map<LaunchRecord, Starting>();
  /** All that ever had one of the pods. */
  private readonly nodes = new Set<string>();
  private counted = 0;
  private limit = START;
  private slowedAt = -Infinity;

  /** At most so many; a whole number. */
  value(): number {
    return Math.max(Math.floor(this.limit), LEAST_PER_NODE * this.nodes.size);
  }

  /** @param creating creates under way */
  hasRoom(creating: number): boolean {
    return creating + this.counted < this.value();
  }

  /** A launch is not what it was: its pod exists, got a node, runs, has ended or is gone. @param now steady clock */
  observe(record: LaunchRecord, now: number): void {
    const known = this.starting.get(record);
    if (record.gone || record.stage !== 'pending') {
      if (known !== undefined) {
        this.forget(record, known);
        if (known.bound && record.stage === 'running') {
          this.started(known, now);
        }
      }
      return;
    }
    const node = record.observation?.node ?? null;
    if (node !== null) {
      this.nodes.add(node);
    }
    if (known === undefined) {
      const counts = !isUnschedulable(record);
      this.counted += counts ? 1 : 0;
      const amongMany = this.counted >= this.limit / 2;
      this.starting.set(record, { since: now, bound: node !== null, counts, amongMany });
    } else if (node !== null && !known.bound) {
      known.bound = true;
      known.since = now;
      this.count(known, true);
    } else if (!known.bound && isUnschedulable(record)) {
      this.count(known, false);
    }
  }

  /** What time alone brings about; to be called about every second. @param now steady clock */
  tick(now: number): void {
    for (const one of this.starting.values()) {
      if (!one.bound && now - one.since >= UNSEEN_MS) {
        this.count(one, false);
      }
    }
  }

  private started({ since, amongMany }: Starting, now: number): void {
    const waitMs = now - since;
    if (waitMs >= SLOW_MS) {
      // Those that were placed before the last step down only say what is known.
      if (since >= this.slowedAt) {
        this.limit = Math.max(LEAST_PER_NODE, this.limit * 0.75);
        this.slowedAt = now;
      }
    } else if (amongMany && waitMs < PROMPT_MS) {
      this.limit += waitMs < QUICK_MS ? 8 : 1;
    }
  }

  private forget(record: LaunchRecord, one: Starting): void {
    this.count(one, false);
    this.starting.delete(record);
  }

  private count(one: Starting, counts: boolean): void {
    if (one.counts !== counts) {
      one.counts = counts;
      this.counted += counts ? 1 : -1;
    }
  }
}

function isUnschedulable(record: LaunchRecord): boolean {
  return record.observation?.node === null && record.observation.reason === 'Unschedulable';
}
