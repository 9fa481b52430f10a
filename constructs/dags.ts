import { Size } from 'cdk8s';
import type { Construct } from 'constructs';
import { type ClaimOptions, sharedClaim } from './claim.js';
import { PATHS } from './contract.js';
import type { DagsBinding } from './dags-binding.js';
import { bindGitSync, type DagsGitSyncOptions } from './git-sync.js';
import type { Release } from './release.js';
import { Checks } from './validation.js';

/** Options of `Dags.volume`. */
export interface DagsVolumeOptions extends ClaimOptions {
  /** Folder of the volume that holds the DAGs. @default - The whole volume. */
  readonly subPath?: string;
}

/** Options of `Dags.baked`. */
export interface DagsBakedOptions {
  /** Folder of the image. @default '/opt/airflow/dags' */
  readonly folder?: string;
}

/** Where the DAGs come from. */
export abstract class Dags {
  /** From a git repository, followed while the pods run. */
  public static gitSync(options: DagsGitSyncOptions): Dags {
    return new GitSyncDags(options);
  }

  /** From a volume. 1 GiB, ReadWriteOnce unless the options say otherwise. */
  public static volume(options: DagsVolumeOptions = {}): Dags {
    return new VolumeDags(options);
  }

  /** From the image. */
  public static baked(options: DagsBakedOptions = {}): Dags {
    return new BakedDags(options);
  }

  /** Makes the objects that are needed once, and says what the pods need. */
  public abstract bind(scope: Construct, release: Release): DagsBinding;
}

class GitSyncDags extends Dags {
  public constructor(private readonly options: DagsGitSyncOptions) {
    super();
  }

  public bind(_scope: Construct, release: Release): DagsBinding {
    return bindGitSync(release, this.options);
  }
}

class VolumeDags extends Dags {
  public constructor(private readonly options: DagsVolumeOptions) {
    super();
  }

  public bind(scope: Construct, release: Release): DagsBinding {
    const { subPath } = this.options;
    new Checks(release.scope, 'dags.').subPath('subPath', subPath);
    const { claimName, nodeLabels } = sharedClaim(scope, release, 'dags', Size.gibibytes(1), this.options);
    const volumes = [{ name: 'dags', persistentVolumeClaim: { claimName } }];
    const mount = { name: 'dags', mountPath: PATHS.DAGS, subPath };
    const readOnly = { volumes, mounts: [{ ...mount, readOnly: true }], nodeLabels };
    return {
      folder: PATHS.DAGS,
      processor: { volumes, mounts: [mount], nodeLabels },
      reader: readOnly,
      task: readOnly,
    };
  }
}

class BakedDags extends Dags {
  public constructor(private readonly options: DagsBakedOptions) {
    super();
  }

  public bind(_scope: Construct, release: Release): DagsBinding {
    new Checks(release.scope, 'dags.').absolutePath('folder', this.options.folder);
    return { folder: this.options.folder ?? PATHS.DAGS, processor: {}, reader: {}, task: {} };
  }
}
