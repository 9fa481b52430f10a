import { ApiObject, type Size, SizeRoundingBehavior } from 'cdk8s';
import { Construct } from 'constructs';
import { sha256 } from './hash.js';
import type { Release } from './release.js';
import { Checks } from './validation.js';

/** Who may mount a volume at once. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes */
export enum AccessMode {
  /** The pods of one node. Every cluster offers it; the pods that mount the volume are then kept on one node. */
  READ_WRITE_ONCE = 'ReadWriteOnce',
  /** The pods of all nodes. */
  READ_WRITE_MANY = 'ReadWriteMany',
}

/** A claim, new or existing. */
export interface ClaimOptions {
  /** Of a new claim. @default - As the construct says. */
  readonly size?: Size;
  /** @default AccessMode.READ_WRITE_ONCE */
  readonly accessMode?: AccessMode;
  /** Of a new claim. @default - The cluster's default class. */
  readonly storageClass?: string;
  /** Name of a claim in the namespace of the stack, and in each other one that tasks run in. @default - A new one is made. */
  readonly existingClaim?: string;
}

/** A claim that pods of several components mount. */
export interface SharedClaim {
  readonly claimName: string;
  /** What keeps its pods on one node; empty when it may be mounted on all. */
  readonly nodeLabels: { [key: string]: string };
}

/** Makes the claim unless it exists, and checks the options; `what` is `dags` or `logs`. */
export function sharedClaim(
  scope: Construct,
  release: Release,
  what: string,
  size: Size,
  options: ClaimOptions,
): SharedClaim {
  const checks = new Checks(release.scope, `${what}.`);
  checks.dnsName('existingClaim', options.existingClaim);
  checks.dnsName('storageClass', options.storageClass);
  if (options.size) checks.integer('size', options.size.toMebibytes({ rounding: SizeRoundingBehavior.FLOOR }), 1);
  for (const prop of ['size', 'storageClass'] as const) {
    if (options.existingClaim !== undefined && options[prop] !== undefined) {
      checks.report(
        prop,
        prop === 'size' ? options.size?.asString() : options.storageClass,
        "must be left out: 'existingClaim' has its own",
      );
    }
  }
  // Each namespace may have a claim of that name to the same storage, made by whoever runs that storage.
  const shared = options.existingClaim !== undefined && options.accessMode === AccessMode.READ_WRITE_MANY;
  for (const namespace of release.namespaces.filter((each) => each !== release.namespace && !shared)) {
    checks.report(
      'volume',
      namespace,
      "must not be used when tasks run in other namespaces, because a claim is of one namespace only: give 'existingClaim' with READ_WRITE_MANY, a claim of that name in each namespace",
    );
  }
  const accessMode = options.accessMode ?? AccessMode.READ_WRITE_ONCE;
  const claimName = options.existingClaim ?? `${release.name}-${what}`;
  if (options.existingClaim === undefined) {
    new ApiObject(scope, `${what}-claim`, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: claimName, labels: release.objectLabels(what) },
      spec: {
        accessModes: [accessMode],
        resources: { requests: { storage: (options.size ?? size).asString() } },
        storageClassName: options.storageClass,
      },
    });
  }
  return {
    claimName,
    nodeLabels:
      accessMode === AccessMode.READ_WRITE_ONCE ? { [`cdk8s-airflow/${what}-volume`]: labelValue(claimName) } : {},
  };
}

/** Names may be longer than values of labels. */
function labelValue(name: string): string {
  return name.length <= 63 ? name : sha256(name).slice(0, 16);
}
