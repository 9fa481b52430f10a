import { PATHS } from '../../../constructs/contract.js';
import type { Pod } from '../../../src/cli/kube/objects.js';

/** Names of the containers of a pod that mount a service account token. */
export function tokenHolders(pod: Pod): string[] {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers] as readonly {
    readonly name: string;
    readonly volumeMounts?: readonly { readonly mountPath: string }[];
  }[];
  return containers
    .filter(({ volumeMounts }) =>
      volumeMounts?.some(({ mountPath }) => mountPath.startsWith(PATHS.SERVICE_ACCOUNT_DIR)),
    )
    .map(({ name }) => name);
}
