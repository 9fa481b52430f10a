import { CliError, EXIT_CODES } from '../errors.js';

/** What is wrong with a values file, all of it. */
export class InputErrors extends CliError {
  /** @param problems a line each: file, line, key, and how to mend it */
  constructor(readonly problems: readonly string[]) {
    super(EXIT_CODES.USAGE, problems.join('\n'));
    this.name = 'InputErrors';
  }
}

/** What the written program does not have, or has only when something is done for it. */
export interface Remark {
  /** The key, as `scheduler.strategy`. */
  readonly key: string;
  /** 0: the chart's default, which the file does not name. */
  readonly line: number;
  readonly reason: string;
}
