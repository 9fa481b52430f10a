import { EXIT_CODES } from '../../../constructs/contract.js';
import type { RunOutcome } from '../run/events.js';
import { SHELL_EXIT_CODES } from './run-pod-options.js';

/** How a run was left: at its end, right after the creation of its object, or with the object still there. */
export type Left = { readonly outcome: RunOutcome; readonly exitCode: number | null } | 'created' | 'detached';

/** The exit code of `--json`; pure. */
export function exitCodeFor(left: Left): number {
  if (left === 'created') {
    return EXIT_CODES.OK;
  }
  if (left === 'detached') {
    return EXIT_CODES.DETACHED;
  }
  const codes = { succeeded: EXIT_CODES.OK, failed: EXIT_CODES.POD_FAILED, killed: EXIT_CODES.KILLED };
  return codes[left.outcome];
}

/** The exit code for people: that of the container, as container tools have it; pure. */
export function shellExitCodeFor(left: Left): number {
  if (left === 'created') {
    return EXIT_CODES.OK;
  }
  if (left === 'detached' || left.outcome === 'killed') {
    return SHELL_EXIT_CODES.SIGNALED;
  }
  const { outcome, exitCode } = left;
  if (outcome === 'succeeded') {
    return EXIT_CODES.OK;
  }
  return exitCode === null || exitCode === 0 ? SHELL_EXIT_CODES.RUN_FAILED : exitCode;
}
