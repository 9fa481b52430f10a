import type { PodView } from './pod-view.js';
import type { RunRequest } from './request.js';

/** A time after which a run is given up. */
export interface Deadline {
  /** Milliseconds of the steady clock. */
  readonly at: number;
  readonly reason: string;
  readonly message: string;
}

/** Containers that go on after the one that the run is about keep its result from being told. */
const LINGER_MS = 120_000;

type Timeouts = Pick<RunRequest, 'scheduleTimeoutSeconds' | 'startupTimeoutSeconds' | 'result'>;

/** Knows since when a pod has been where it is, and until when it may. Times are those at which it was seen there. */
export class DeadlineKeeper {
  private waitsSince: number | null = null;
  private lingersSince: number | null = null;

  constructor(
    private readonly timeouts: Timeouts,
    private readonly startedAt: number,
  ) {}

  /** The deadline of the pod as it is now; null: it takes the time it takes. */
  of(view: PodView, now: number): Deadline | null {
    const waits = view.stage === 'scheduled' && !view.busy;
    this.waitsSince = waits ? (this.waitsSince ?? now) : null;
    const lingers = view.mainEnded && !view.terminal && this.timeouts.result !== null;
    this.lingersSince = lingers ? (this.lingersSince ?? now) : null;
    const { scheduleTimeoutSeconds, startupTimeoutSeconds } = this.timeouts;
    const why = view.message === null ? '' : `: ${view.message}`;
    if (view.stage === 'pending' && scheduleTimeoutSeconds !== null) {
      return {
        at: this.startedAt + scheduleTimeoutSeconds * 1000,
        reason: view.reason ?? 'ScheduleTimeout',
        message: `the pod has found no node in ${scheduleTimeoutSeconds} s${why}`,
      };
    }
    if (this.waitsSince !== null && startupTimeoutSeconds !== null) {
      return {
        at: this.waitsSince + startupTimeoutSeconds * 1000,
        reason: view.reason ?? 'StartupTimeout',
        message: `the pod has not started in ${startupTimeoutSeconds} s${why}`,
      };
    }
    if (this.lingersSince !== null) {
      const running = view.ends.filter(({ exitCode }) => exitCode === null).map(({ name }) => name);
      return {
        at: this.lingersSince + LINGER_MS,
        reason: 'ResultMissing',
        message:
          `the container has ended, and the pod has not after ${LINGER_MS / 1000} s more, so its result is not told: ` +
          `make '${running.join(`', '`)}' native sidecars (init containers with restartPolicy Always)`,
      };
    }
    return null;
  }
}
