import type { LaunchPolicy } from '../../../constructs/contract.js';
import type { Reporter } from '../link/reporter.js';
import { nextChore } from './chores.js';
import type { CreateQueue } from './create-queue.js';
import { ORPHAN_AFTER_MS, type PodTracker } from './pod-tracker.js';
import type { Kill, LaunchRecord } from './record.js';
import type { RecordStore } from './record-store.js';
import type { Settler } from './settler.js';

export interface ChoreRunnerOptions {
  readonly store: RecordStore;
  readonly queue: CreateQueue;
  readonly settler: Settler;
  readonly reporter: Reporter;
  readonly tracker: PodTracker;
  readonly policy: () => LaunchPolicy;
}

/** Does what only the passing of time asks for. */
export class ChoreRunner {
  constructor(private readonly options: ChoreRunnerOptions) {}

  /** Looks at every record once. */
  run(peer: { readonly jobId: string | null; readonly ready: boolean }, now: number): void {
    const { store, queue, settler, reporter, tracker, policy } = this.options;
    const orphans = new Set<LaunchRecord>();
    const retold = new Set<LaunchRecord>();
    for (const record of [...store.all()]) {
      switch (nextChore(record, policy(), peer, now)) {
        case 'expire':
          queue.expire(record);
          break;
        case 'forget':
          store.remove(record);
          break;
        case 'kill':
          record.kill = pendingTooLong(record, policy().pendingTimeoutSeconds);
          settler.delete(record);
          break;
        case 'give-up':
          tracker.giveUp(record);
          break;
        case 'delete':
          settler.delete(record);
          break;
        case 'tell-orphan':
          record.reportAt = now + ORPHAN_AFTER_MS;
          orphans.add(record);
          break;
        case 'tell-again':
          record.retained = false;
          retold.add(record);
          break;
        case 'nothing':
      }
    }
    if (orphans.size > 0) {
      reporter.tellOrphans(orphans);
    }
    if (retold.size > 0) {
      reporter.retell(retold);
    }
  }
}

/** What the pod was waiting for is the reason that helps. */
function pendingTooLong({ observation }: LaunchRecord, seconds: number): Kill {
  const limit = `the pod did not start within ${seconds} s`;
  const said = observation?.message ?? '';
  return { reason: observation?.reason ?? 'PendingTimeout', message: said === '' ? limit : `${limit}: ${said}` };
}
