import type { Size } from 'cdk8s';
import type { Cpu } from 'cdk8s-plus-27';

/** What a container asks for and what it may use at most. */
export interface Resources {
  /** @default - As the component says; small, so that everything fits a node of 2 cores. */
  readonly cpuRequest?: Cpu;
  /** @default - No limit: throttling makes heartbeats late. */
  readonly cpuLimit?: Cpu;
  /** @default - As the component says. */
  readonly memoryRequest?: Size;
  /** @default - No limit. */
  readonly memoryLimit?: Size;
}

/** Requests in the API's own form, for defaults. */
export interface Requests {
  readonly cpu: string;
  readonly memory: string;
}

/** The `resources` of a container. */
export function renderResources(defaults: Requests, given: Resources = {}): object {
  const limits = {
    ...(given.cpuLimit && { cpu: given.cpuLimit.amount }),
    ...(given.memoryLimit && { memory: given.memoryLimit.asString() }),
  };
  return {
    requests: {
      cpu: given.cpuRequest?.amount ?? defaults.cpu,
      memory: given.memoryRequest?.asString() ?? defaults.memory,
    },
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}
