import type { Construct } from 'constructs';
import { Component } from './component.js';
import type { ComponentOptions } from './component-options.js';
import { cronSpec } from './cron.js';
import type { Release } from './release.js';
import { Checks } from './validation.js';

/** Options of the clean-up of the metadata database. */
export interface DatabaseCleanupOptions extends ComponentOptions {
  /** When, as cron says it. @default '0 0 * * 0' - Sundays at midnight. */
  readonly schedule?: string;
  /** Rows that are older go. @default 90 */
  readonly retentionDays?: number;
  /** Tables of `airflow db clean --tables`. @default - All that it knows. */
  readonly tables?: string[];
  /** Keep what is removed in tables of their own (`_airflow_deleted__…`). @default false */
  readonly archive?: boolean;
  /** Rows of one transaction. @default - All of a table. */
  readonly batchSize?: number;
}

/** Props of `DatabaseCleanup`. */
export interface DatabaseCleanupProps extends DatabaseCleanupOptions {
  readonly release: Release;
}

/** The CronJob that removes old rows from the metadata database. */
export class DatabaseCleanup extends Component {
  public constructor(scope: Construct, id: string, props: DatabaseCleanupProps) {
    const { release, schedule = '0 0 * * 0', retentionDays = 90, tables = [], archive = false, batchSize } = props;
    super(scope, id, {
      release,
      component: 'database-cleanup',
      kind: 'CronJob',
      spec: cronSpec(schedule),
      options: props,
      requests: { cpu: '50m', memory: '256Mi' },
      container: {
        name: 'database-cleanup',
        args: [
          'bash',
          '-c',
          [
            `exec airflow db clean --clean-before-timestamp "$(date -u -d '${retentionDays} days ago' +%FT%TZ)" --yes`,
            ...(archive ? [] : ['--skip-archive']),
            ...(tables.length > 0 ? [`--tables ${tables.join(',')}`] : []),
            ...(batchSize === undefined ? [] : [`--batch-size ${batchSize}`]),
          ].join(' '),
        ],
        env: [...release.database.env, release.keys.fernetKey],
      },
    });
    const checks = new Checks(this);
    checks.cron('schedule', props.schedule);
    checks.integer('retentionDays', props.retentionDays, 1);
    checks.integer('batchSize', batchSize, 1);
    for (const table of tables) {
      if (!/^[a-z_]+$/.test(table)) checks.report('tables', table, 'must be names of tables, such as task_instance');
    }
  }
}
