import type { Size } from 'cdk8s';
import type { Cpu } from 'cdk8s-plus-27';
import type { Checks } from './validation.js';

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

/** The `resources` of a container. A limit below the default request lowers the request: the API server wants it so. */
export function renderResources(defaults: Requests, given: Resources = {}): object {
  const limits = {
    ...(given.cpuLimit && { cpu: given.cpuLimit.amount }),
    ...(given.memoryLimit && { memory: given.memoryLimit.asString() }),
  };
  return {
    requests: {
      cpu: given.cpuRequest?.amount ?? smaller(defaults.cpu, limits.cpu),
      memory: given.memoryRequest?.asString() ?? smaller(defaults.memory, limits.memory),
    },
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}

/** Refuses amounts of nothing, and requests above their limit. */
export function checkResources(checks: Checks, given: Resources = {}): void {
  const pairs = {
    cpu: [given.cpuRequest?.amount, given.cpuLimit?.amount],
    memory: [given.memoryRequest?.asString(), given.memoryLimit?.asString()],
  } as const;
  for (const [name, [request, limit]] of Object.entries(pairs)) {
    for (const [kind, amount] of [
      ['Request', request],
      ['Limit', limit],
    ] as const) {
      if (amount !== undefined && !(quantity(amount) > 0))
        checks.report(`resources.${name}${kind}`, amount, 'must be more than 0');
    }
    if (request !== undefined && limit !== undefined && quantity(request) > quantity(limit)) {
      checks.report(`resources.${name}Request`, request, `must be at most '${name}Limit', which is ${limit}`);
    }
  }
}

function smaller(amount: string, limit: string | undefined): string {
  return limit !== undefined && quantity(limit) < quantity(amount) ? limit : amount;
}

const FACTORS: { [unit: string]: number } = {
  m: 0.001,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

function quantity(text: string): number {
  const [, number, unit] = /^([\d.]+)(\D*)$/.exec(text) ?? [];
  return Number(number) * (FACTORS[unit ?? ''] ?? 1);
}
