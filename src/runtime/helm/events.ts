import type { ErrorEvent, RunOutcome } from '../run/events.js';

/** What is told while helm works. */
export type HelmEvent =
  /** One line that helm wrote; to whom is of no matter. */
  | { readonly type: 'log'; readonly container: 'helm'; readonly time: string; readonly line: string }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'ended';
      readonly outcome: RunOutcome;
      /** helm's. */
      readonly exitCode: number | null;
      /** What helm said last of a failure. */
      readonly message: string | null;
      readonly release: string;
      readonly namespace: string;
      /** null: there is no such release now. */
      readonly revision: number | null;
      /** helm's word: `deployed`, `failed`, `pending-upgrade`; `uninstalled` without a release. */
      readonly status: string;
    }
  | ErrorEvent;
