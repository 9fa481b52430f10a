import type { Construct } from 'constructs';
import { Component } from './component.js';
import type { ComponentOptions } from './component-options.js';
import type { Release } from './release.js';
import { waitForDatabaseCommand } from './scripts.js';
import { Checks } from './validation.js';

/** Options of the migrations Job. */
export interface MigrationsOptions extends ComponentOptions {
  /** Failed attempts before the Job gives up. @default 10 */
  readonly backoffLimit?: number;
}

/** Props of `Migrations`. */
export interface MigrationsProps extends MigrationsOptions {
  readonly release: Release;
}

/** The Job that migrates the metadata database: one per image and configuration; all other pods wait for what it does. */
export class Migrations extends Component {
  public constructor(scope: Construct, id: string, props: MigrationsProps) {
    const { release } = props;
    super(scope, id, {
      release,
      component: 'run-airflow-migrations',
      kind: 'Job',
      spec: { backoffLimit: props.backoffLimit ?? 10 },
      options: props,
      requests: { cpu: '50m', memory: '256Mi' },
      waitsForMigrations: false,
      container: {
        name: 'run-airflow-migrations',
        args: ['bash', '-c', `${waitForDatabaseCommand()} && exec airflow db migrate`],
        env: [...release.database.env, release.keys.fernetKey],
      },
    });
    new Checks(this).integer('backoffLimit', props.backoffLimit, 0);
  }
}
