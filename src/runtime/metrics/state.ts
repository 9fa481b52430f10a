import type { Stage } from '../launch/record.js';

/** What gauges show: the launcher as it is at one moment. */
export interface LauncherState {
  readonly synced: boolean;
  readonly connected: boolean;
  readonly stages: Readonly<Record<Stage, number>>;
  readonly unacknowledged: number;
  readonly creates: { readonly inFlight: number; readonly limit: number };
  /** By namespace: do launches wait because the API server has no room for them? */
  readonly throttled: Readonly<Record<string, boolean>>;
  readonly standby: { readonly ready: number; readonly starting: number };
  /** By namespace: seconds since the API server was last heard on the pod watch; null: never. */
  readonly watchAges: Readonly<Record<string, number | null>>;
}
