import { compact, type DataMap, type Statement } from '../expression.js';
import { secretRef } from '../expression.js';
import type { Values } from '../values.js';
import { componentOptions } from './components.js';
import type { Mapping } from './mapping.js';

/** The Jobs that migrate the database and make the first user, and the CronJob that removes old rows. */
export const jobs: Mapping = (values, stack) => {
  const migrations = componentOptions(values.at('migrateDatabaseJob'), 'migrations');
  if (values.flag('migrateDatabaseJob.enabled') === false)
    values.remark('migrateDatabaseJob.enabled', 'the Job always runs; it finds nothing to do in a migrated database');
  const user = firstUser(values);
  const cleanup = databaseCleanup(values);
  const backoffLimit = values.number('migrateDatabaseJob.backoffLimit');
  return {
    props: {
      migrations: compact({ ...migrations.options, backoffLimit }),
      firstUser: user.options,
      databaseCleanup: cleanup?.options,
    },
    statements: [
      ...migrations.statements,
      ...(stack.targets.includes('firstUser') ? user.statements : []),
      ...(cleanup?.statements ?? []),
    ],
  };
};

function firstUser(values: Values): { options: DataMap | undefined; statements: Statement[] } {
  const job = values.at('createUserJob');
  const user = values.at(job.has('defaultUser') ? 'createUserJob.defaultUser' : 'webserver.defaultUser');
  const off = job.flag('enabled') === false || user.flag('enabled') === false;
  if (off) {
    for (const key of user.keys()) user.text(key);
    return { options: { enabled: false }, statements: [] };
  }
  const { options, statements } = componentOptions(job, 'firstUser');
  const given = (key: string, usual: string): string | undefined => {
    const value = user.text(key);
    return value === usual ? undefined : value;
  };
  const password = given('password', 'admin');
  const secret = `${values.release}-first-user`;
  if (password !== undefined)
    user.remark('password', `a password: put it into the Secret '${secret}', key 'password', which the program names`);
  for (const [key, usual] of [
    ['firstName', 'admin'],
    ['lastName', 'user'],
  ] as const) {
    if (given(key, usual) !== undefined) user.remark(key, "the user's names are not props; change them in the UI");
  }
  return {
    options: compact({
      username: given('username', 'admin'),
      email: given('email', 'admin@example.com'),
      role: given('role', 'Admin'),
      password: password === undefined ? undefined : secretRef(secret, 'password'),
      ...options,
    }),
    statements,
  };
}

function databaseCleanup(values: Values): { options: DataMap; statements: Statement[] } | undefined {
  const section = values.at('databaseCleanup');
  if (section.flag('enabled') !== true) return undefined;
  const { options, statements } = componentOptions(section, 'databaseCleanup');
  const tables = section.list('tables')?.map(String);
  const schedule = section.text('schedule');
  const days = section.number('retentionDays');
  return {
    options: {
      schedule: schedule === '0 0 * * 0' ? undefined : schedule,
      retentionDays: days === 90 ? undefined : days,
      tables,
      archive: section.flag('skipArchive') === false ? true : undefined,
      batchSize: section.number('batchSize'),
      ...compact(options),
    },
    statements,
  };
}
