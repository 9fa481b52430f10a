import { Duration, Size } from 'cdk8s';
import type { Construct } from 'constructs';
import { type ClaimOptions, sharedClaim } from './claim.js';
import { PATHS } from './contract.js';
import type { PodPart } from './pod.js';
import type { Release } from './release.js';
import { Checks } from './validation.js';

/** Options of `Logs.volume`. */
export interface LogsVolumeOptions extends ClaimOptions {
  /** Folder of the volume that the logs are in. @default - The whole volume. */
  readonly subPath?: string;
  /** Logs that nobody has written to for so long are removed, once a day. @default - They stay. */
  readonly retention?: Duration;
}

/** Where the logs of tasks go. */
export abstract class Logs {
  /** On a volume: kept when pods are gone. 10 GiB, ReadWriteOnce unless the options say otherwise. */
  public static volume(options: LogsVolumeOptions = {}): Logs {
    return new LogsVolume(options);
  }

  /**
   * In the pods: gone with them. Finished pods of tasks are kept for a while (`keepSucceeded` and `keepFailed` of
   * `Executor.kubernetes`), and the UI shows their logs.
   */
  public static ephemeral(): Logs {
    return new EphemeralLogs();
  }

  /** Whether a log outlives its pod. */
  public abstract readonly persistent: boolean;
  /** Logs that nobody has written to for so long are removed by the stack. @default - Not by the stack. */
  public readonly retention?: Duration;

  /** What each pod of Airflow needs; makes the objects that are needed once. */
  public abstract bind(scope: Construct, release: Release): PodPart;
}

class LogsVolume extends Logs {
  public readonly persistent = true;

  public override readonly retention?: Duration;

  public constructor(private readonly options: LogsVolumeOptions) {
    super();
    this.retention = options.retention;
  }

  public bind(scope: Construct, release: Release): PodPart {
    const { subPath, retention } = this.options;
    const checks = new Checks(release.scope, 'logs.');
    checks.subPath('subPath', subPath);
    if (retention && retention.toMilliseconds() < Duration.days(1).toMilliseconds())
      checks.report('retention', retention.toIsoString(), 'must be at least one day: a task may run for as long');
    const { claimName, nodeLabels } = sharedClaim(scope, release, 'logs', Size.gibibytes(10), this.options);
    return {
      volumes: [{ name: 'logs', persistentVolumeClaim: { claimName } }],
      mounts: [{ name: 'logs', mountPath: PATHS.LOGS, subPath }],
      nodeLabels,
    };
  }
}

class EphemeralLogs extends Logs {
  public readonly persistent = false;

  public bind(): PodPart {
    return { volumes: [{ name: 'logs', emptyDir: {} }], mounts: [{ name: 'logs', mountPath: PATHS.LOGS }] };
  }
}
