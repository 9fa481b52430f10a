/** One thing wrong with the configuration, in a form that tells where and how to put it right. */
export interface ConfigProblem {
  readonly file: string;
  readonly field: string;
  readonly message: string;
}

/** The launcher's configuration is wrong; every problem is told at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(
      problems.map(({ file, field, message }) => `${file}: ${field === '' ? '' : `'${field}' `}${message}`).join('; '),
    );
  }
}
