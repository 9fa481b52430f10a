import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type LaunchPolicy, PATHS } from '../../../constructs/contract.js';
import type { Logger } from '../log.js';
import type { PodManifest } from '../pods/merge.js';
import { ConfigError, type ConfigProblem } from './errors.js';
import { parseLaunchPolicy } from './launch-policy.js';
import { parsePodTemplate } from './pod-template.js';

/** What the executor ConfigMap says. */
export interface LaunchConfig {
  readonly policy: LaunchPolicy;
  readonly template: PodManifest;
}

const LOOK_EVERY_MS = 2000;

/**
 * Reads the mounted executor ConfigMap.
 * @throws ConfigError with the problems of both files
 */
export async function readConfigFolder(folder: string): Promise<LaunchConfig> {
  const problems: ConfigProblem[] = [];
  const read = async <T>(file: string, parse: (text: string) => T): Promise<T | null> => {
    try {
      return parse(await readFile(join(folder, file), 'utf8'));
    } catch (error) {
      if (error instanceof ConfigError) {
        problems.push(...error.problems);
      } else {
        problems.push({ file, field: '', message: `cannot be read from ${folder}: ${(error as Error).message}` });
      }
      return null;
    }
  };
  const policy = await read(PATHS.LAUNCH_POLICY_FILE, parseLaunchPolicy);
  const template = await read(PATHS.POD_TEMPLATE_FILE, (text) => parsePodTemplate(text));
  if (policy === null || template === null) {
    throw new ConfigError(problems);
  }
  return { policy, template };
}

/**
 * The configuration in force: follows the folder, and keeps the last good version when a new one is wrong.
 * A change of `deployment` or `namespaces` needs a new launcher (the stack rolls the scheduler pod then): it is
 * reported and not taken.
 */
export class ConfigFolder {
  private version: string | null = null;
  private timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly folder: string,
    private config: LaunchConfig,
    private readonly log: Logger,
  ) {}

  static async open(folder: string, log: Logger): Promise<ConfigFolder> {
    const version = await fingerprint(folder);
    const opened = new ConfigFolder(folder, await readConfigFolder(folder), log);
    opened.version = version;
    return opened;
  }

  current(): LaunchConfig {
    return this.config;
  }

  /**
   * A kubelet swaps the `..data` symlink of a ConfigMap volume; a plain folder is edited in place. Looking at what the
   * files resolve to sees both, where a file watch would follow the old files of the swapped folder.
   */
  follow(): void {
    const look = async (): Promise<void> => {
      await this.reload();
      this.timer = setTimeout(() => void look(), LOOK_EVERY_MS).unref();
    };
    this.timer = setTimeout(() => void look(), LOOK_EVERY_MS).unref();
  }

  close(): void {
    clearTimeout(this.timer);
  }

  /** Takes a new version over when there is one; public for the tests. */
  async reload(): Promise<void> {
    const version = await fingerprint(this.folder);
    if (version === this.version) {
      return;
    }
    this.version = version;
    try {
      const next = await readConfigFolder(this.folder);
      this.config = { template: next.template, policy: this.keepIdentity(next.policy) };
      this.log.info({ folder: this.folder }, 'configuration changed');
    } catch (error) {
      this.log.error({ err: error, folder: this.folder }, 'new configuration is wrong, the last good one stays');
    }
  }

  private keepIdentity(next: LaunchPolicy): LaunchPolicy {
    const { deployment, namespaces } = this.config.policy;
    if (next.deployment !== deployment || next.namespaces.join() !== namespaces.join()) {
      this.log.warn({ deployment, namespaces, next }, `'deployment' and 'namespaces' change with a restart only`);
    }
    return { ...next, deployment, namespaces };
  }
}

async function fingerprint(folder: string): Promise<string> {
  const files = [PATHS.LAUNCH_POLICY_FILE, PATHS.POD_TEMPLATE_FILE];
  const parts = await Promise.all(
    files.map(async (file) => {
      try {
        const { dev, ino, mtimeMs, size } = await stat(join(folder, file));
        return [dev, ino, mtimeMs, size].join(':');
      } catch {
        return 'absent';
      }
    }),
  );
  return parts.join('|');
}
