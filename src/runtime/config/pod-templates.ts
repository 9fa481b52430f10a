import { type LaunchPolicy, PATHS } from '../../../constructs/contract.js';
import type { PodManifest } from '../pods/merge.js';
import { ConfigError } from './errors.js';

/** A template file as it was read: the pod, or what is wrong with it. */
export type PodTemplate = PodManifest | ConfigError;

/** The pod templates of the executor ConfigMap, by file. One that is wrong hurts only the launches that need it. */
export class PodTemplates {
  constructor(
    private readonly files: ReadonlyMap<string, PodTemplate>,
    private readonly queues: LaunchPolicy['queues'] = {},
  ) {}

  /** One template for every queue. */
  static single(template: PodManifest): PodTemplates {
    return new PodTemplates(new Map([[PATHS.POD_TEMPLATE_FILE, template]]));
  }

  /**
   * The template of a queue; the default one when the policy does not mention the queue.
   * @throws ConfigError when that file is wrong and has not been right since the start
   */
  of(queue: string): PodManifest {
    const file = templateFile(this.queues, queue);
    const template =
      this.files.get(file) ?? new ConfigError([{ file, field: '', message: 'is missing in the executor ConfigMap' }]);
    if (template instanceof ConfigError) {
      throw template;
    }
    return template;
  }

  /** The template of the queues that have none of their own; null while it is wrong. */
  default(): PodManifest | null {
    const template = this.files.get(PATHS.POD_TEMPLATE_FILE);
    return template === undefined || template instanceof ConfigError ? null : template;
  }

  hasDefault(queue: string): boolean {
    return templateFile(this.queues, queue) === PATHS.POD_TEMPLATE_FILE;
  }

  /** What is wrong with the files. */
  problems(): ConfigError['problems'] {
    return [...this.files.values()].flatMap((template) => (template instanceof ConfigError ? template.problems : []));
  }

  /** These, and in place of each that is wrong the one of the same file in `before`, if that was right. */
  orElse(before: PodTemplates): PodTemplates {
    const files = [...this.files].map(([file, template]): [string, PodTemplate] => [
      file,
      template instanceof ConfigError ? (before.files.get(file) ?? template) : template,
    ]);
    return new PodTemplates(new Map(files), this.queues);
  }
}

/** All template files that a policy speaks of. */
export function templateFiles({ queues = {} }: LaunchPolicy): string[] {
  return [...new Set([PATHS.POD_TEMPLATE_FILE, ...Object.keys(queues).map((queue) => templateFile(queues, queue))])];
}

function templateFile(queues: LaunchPolicy['queues'] = {}, queue: string): string {
  // A queue may be called 'constructor'.
  return (Object.hasOwn(queues, queue) ? queues[queue]?.template : undefined) ?? PATHS.POD_TEMPLATE_FILE;
}
