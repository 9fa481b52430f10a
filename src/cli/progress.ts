import {
  Listr,
  ListrLogger,
  ListrLogLevels,
  ProcessOutput,
  type ListrDefaultRenderer,
  type ListrSimpleRenderer,
  type ListrTask,
  type ListrTaskWrapper,
} from 'listr2';

/** One step as the steps themselves see it. */
export type Step<C> = ListrTask<C, ListrDefaultRenderer, ListrSimpleRenderer>;
/** Handle of a running step: its title and its last line of output. */
export type StepHandle<C> = ListrTaskWrapper<C, ListrDefaultRenderer, ListrSimpleRenderer>;
export type Steps<C> = Listr<C>;

/**
 * Steps with progress on stderr, so that stdout holds the result alone: live lines on a terminal, plain ones elsewhere.
 */
export function steps<C extends object>(tasks: Step<C>[]): Steps<C> {
  const logger = new ProgressLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) });
  return new Listr<C, 'default', 'simple'>(tasks, {
    renderer: 'default',
    fallbackRenderer: 'simple',
    fallbackRendererCondition: () => !process.stderr.isTTY,
    rendererOptions: { logger, showErrorMessage: false, collapseErrors: false, collapseSubtasks: false },
    fallbackRendererOptions: { logger },
    registerSignalListeners: false,
  });
}

/** The renderers' level for it; their types allow any string. */
const FAILED: string = ListrLogLevels.FAILED;

/** Errors are told once, by the command's end: a failed step shows its title alone. */
class ProgressLogger extends ListrLogger {
  override log(...[level, message, options]: Parameters<ListrLogger['log']>): void {
    super.log(level, message, level === FAILED ? undefined : options);
  }
}

/** A line of progress outside of steps. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
