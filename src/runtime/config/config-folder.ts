import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type LaunchPolicy, PATHS } from '../../../constructs/contract.js';
import type { Logger } from '../log.js';
import { ConfigError } from './errors.js';
import { parseLaunchPolicy } from './launch-policy.js';
import { parsePodTemplate } from './pod-template.js';
import { type PodTemplate, PodTemplates, templateFiles } from './pod-templates.js';

/** What the executor ConfigMap says. */
export interface LaunchConfig {
  readonly policy: LaunchPolicy;
  readonly templates: PodTemplates;
}

const LOOK_EVERY_MS = 2000;

/**
 * Reads the mounted executor ConfigMap. What is wrong with a pod template stands in the templates: the pods that are
 * there must be followed and settled all the same.
 * @throws ConfigError with the problems of the launch policy
 */
export async function readConfigFolder(folder: string): Promise<LaunchConfig> {
  const policy = parseLaunchPolicy(await readText(folder, PATHS.LAUNCH_POLICY_FILE));
  const templates = await Promise.all(
    templateFiles(policy).map(async (file): Promise<[string, PodTemplate]> => [file, await readTemplate(folder, file)]),
  );
  return { policy, templates: new PodTemplates(new Map(templates), policy.queues) };
}

async function readTemplate(folder: string, file: string): Promise<PodTemplate> {
  try {
    return parsePodTemplate(await readText(folder, file), file);
  } catch (error) {
    if (error instanceof ConfigError) {
      return error;
    }
    throw error;
  }
}

async function readText(folder: string, file: string): Promise<string> {
  try {
    return await readFile(join(folder, file), 'utf8');
  } catch (error) {
    const message = `cannot be read from ${folder}: ${(error as Error).message}`;
    throw new ConfigError([{ file, field: '', message }]);
  }
}

/**
 * The configuration in force: follows the folder, and keeps the last good version of each file when a new one is wrong.
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
    const problems = opened.config.templates.problems();
    if (problems.length > 0) {
      const { message } = new ConfigError(problems);
      log.error({ problems }, `tasks that need these pod templates will fail: ${message}`);
    }
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
      this.take(await readConfigFolder(this.folder));
    } catch (error) {
      this.log.error({ err: error, folder: this.folder }, 'new configuration is wrong, the last good one stays');
    }
  }

  private take({ policy, templates }: LaunchConfig): void {
    const problems = templates.problems();
    if (problems.length > 0) {
      const { message } = new ConfigError(problems);
      this.log.error({ problems }, `new pod templates are wrong, the last good ones stay: ${message}`);
    }
    const { deployment, namespaces } = this.config.policy;
    if (policy.deployment === deployment && policy.namespaces.join() === namespaces.join()) {
      this.config = { policy, templates: templates.orElse(this.config.templates) };
    } else {
      // A queue may go to a namespace that this launcher does not watch: the queues change together with those.
      const { queues = {} } = this.config.policy;
      this.config = {
        policy: { ...policy, deployment, namespaces, queues },
        templates: this.config.templates,
      };
      this.log.warn({ deployment, namespaces, policy }, `'deployment' and 'namespaces' change with a restart only`);
    }
    this.log.info({ folder: this.folder }, 'configuration changed');
  }
}

/** Tells versions of the folder's files apart; those of a ConfigMap volume are links into the folder of its version. */
async function fingerprint(folder: string): Promise<string> {
  const files = (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith('..')).sort();
  const parts = await Promise.all(
    files.map(async (file) => {
      try {
        const { dev, ino, mtimeMs, size } = await stat(join(folder, file));
        return [file, dev, ino, mtimeMs, size].join(':');
      } catch {
        return `${file}:absent`;
      }
    }),
  );
  return parts.join('|');
}
