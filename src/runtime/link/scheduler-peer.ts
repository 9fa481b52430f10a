import type { LauncherMessage } from './messages.js';
import type { Peer } from './reporter.js';

export type Send = (message: LauncherMessage) => void;

/** The scheduler that is connected, or the last one that was. What is sent while nobody is connected goes nowhere. */
export class SchedulerPeer implements Peer {
  jobId: string | null = null;
  connection: Send | null = null;

  connected(): boolean {
    return this.connection !== null;
  }

  send(message: LauncherMessage): void {
    this.connection?.(message);
  }
}
