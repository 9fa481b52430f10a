import type { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { Component } from './component.js';
import { PATHS } from './contract.js';
import { cronSpec } from './cron.js';
import type { Release } from './release.js';

/** Props of `LogCleanup`. */
export interface LogCleanupProps {
  readonly release: Release;
  /** Logs that nobody has written to for so long go. */
  readonly retention: Duration;
}

/** The CronJob that removes old logs from their volume, once a day. */
export class LogCleanup extends Component {
  public constructor(scope: Construct, id: string, { release, retention }: LogCleanupProps) {
    const minutes = Math.ceil(retention.toMilliseconds() / 60_000);
    super(scope, id, {
      release,
      component: 'log-cleanup',
      kind: 'CronJob',
      spec: cronSpec('17 3 * * *'),
      options: {},
      parts: [release.logs],
      runsAirflow: false,
      requests: { cpu: '10m', memory: '32Mi' },
      container: {
        name: 'log-cleanup',
        command: ['sh', '-c'],
        args: [
          // A folder that is made just now, for a log to come, is empty, too.
          `find ${PATHS.LOGS} -type f -mmin +${minutes} -delete; ` +
            `find ${PATHS.LOGS} -mindepth 1 -type d -empty -mmin +${minutes} -delete`,
        ],
      },
    });
  }
}
