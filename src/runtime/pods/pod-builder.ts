import type { LaunchConfig } from '../config/config-folder.js';
import { parsePodTemplate } from '../config/pod-template.js';
import type { LaunchSpec } from '../link/messages.js';
import type { PodManifest } from './merge.js';
import { buildPod, PodBuildError, type PodPlace } from './pod.js';

const REMEMBERED_TEMPLATES = 64;

/** Builds pods of the configuration in force; a task's own template takes the place of its queue's. */
export class PodBuilder {
  private readonly templates = new Map<string, PodManifest>();

  constructor(private readonly config: () => LaunchConfig) {}

  /**
   * JSON of the pod of a launch.
   * @throws PodBuildError when the task's template or override is wrong
   */
  build(spec: LaunchSpec, place: PodPlace): string {
    const { policy, templates } = this.config();
    const template =
      spec.podTemplate === null ? usable(() => templates.of(spec.queue)) : this.ownTemplate(spec.podTemplate);
    return JSON.stringify(buildPod(spec, template, policy, place));
  }

  /** Tasks of one DAG bring the same template again and again. */
  private ownTemplate(text: string): PodManifest {
    const known = this.templates.get(text);
    if (known !== undefined) {
      return known;
    }
    const template = usable(() => parsePodTemplate(text, 'pod_template_file'));
    if (this.templates.size >= REMEMBERED_TEMPLATES) {
      this.templates.clear();
    }
    this.templates.set(text, template);
    return template;
  }
}

/** A template that is wrong is the reason why its tasks fail. */
function usable(template: () => PodManifest): PodManifest {
  try {
    return template();
  } catch (error) {
    throw new PodBuildError('InvalidPodTemplate', (error as Error).message);
  }
}
