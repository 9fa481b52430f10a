import type { DisruptionBudgetOptions } from './disruption-budget.js';
import type { Resources } from './resources.js';

/** What can be said of pods, of one component or of all. */
export interface PodOptions {
  /** Environment of the main container. @default - Only what the component needs. */
  readonly env?: { [name: string]: string };
  /** @default - None but the component's own. */
  readonly podLabels?: { [key: string]: string };
  /** @default - Only checksums of what the pod reads. */
  readonly podAnnotations?: { [key: string]: string };
  /** E.g. for a cloud identity. @default - None. */
  readonly serviceAccountAnnotations?: { [key: string]: string };
  /** @default - Any node. */
  readonly nodeSelector?: { [key: string]: string };
  /** In the API's own form. @default - None. */
  readonly tolerations?: object[];
  /** In the API's own form. @default - Pods that share a ReadWriteOnce volume share a node. */
  readonly affinity?: object;
  /** In the API's own form. @default - None. */
  readonly topologySpreadConstraints?: object[];
  /** @default - The cluster's default. */
  readonly priorityClassName?: string;
}

/** What can be said of the pods of every component; over what is said of all. */
export interface ComponentOptions extends PodOptions {
  /** @default - Small requests, no limits. */
  readonly resources?: Resources;
  /** Not for Jobs. @default - None. */
  readonly disruptionBudget?: DisruptionBudgetOptions;
}

/** The options of a component over those of all: maps entry by entry, everything else as a whole. */
export function withDefaults(all: PodOptions, own: ComponentOptions): ComponentOptions {
  return {
    ...all,
    ...own,
    env: { ...all.env, ...own.env },
    podLabels: { ...all.podLabels, ...own.podLabels },
    podAnnotations: { ...all.podAnnotations, ...own.podAnnotations },
    serviceAccountAnnotations: joined(all.serviceAccountAnnotations, own.serviceAccountAnnotations),
    nodeSelector: joined(all.nodeSelector, own.nodeSelector),
  };
}

/** Absent when both are: an empty map would be in the output. */
function joined(
  all: { [key: string]: string } | undefined,
  own: { [key: string]: string } | undefined,
): { [key: string]: string } | undefined {
  return all === undefined && own === undefined ? undefined : { ...all, ...own };
}
