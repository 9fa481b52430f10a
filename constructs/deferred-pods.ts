import { Construct } from 'constructs';
import { PATHS } from './contract.js';
import { tokenVolume } from './pod.js';
import { ComponentRole } from './rbac.js';
import type { Release } from './release.js';
import { stackLabels } from './stack-labels.js';
import { TRIGGERER_RULES } from './task-permissions.js';
import type { Triggerer } from './triggerer.js';

/** Props of `DeferredPods`. */
export interface DeferredPodsProps {
  readonly release: Release;
  readonly triggerer: Triggerer;
}

/** What the triggerer needs to follow the pods of deferred tasks: nothing, until it is told where they are. */
export class DeferredPods extends Construct {
  private readonly props: DeferredPodsProps;
  private readonly namespaces = new Set<string>();

  public constructor(scope: Construct, id: string, props: DeferredPodsProps) {
    super(scope, id);
    this.props = props;
  }

  /** The triggerer may follow and delete the pods of this namespace, and gets a token. */
  public follow(namespace: string): void {
    if (this.namespaces.has(namespace)) return;
    const { release, triggerer } = this.props;
    if (this.namespaces.size === 0) {
      const name = 'kube-api-token';
      triggerer.addVolume(tokenVolume(name));
      triggerer.addMount({ name, mountPath: PATHS.SERVICE_ACCOUNT_DIR, readOnly: true });
    }
    this.namespaces.add(namespace);
    new ComponentRole(this, namespace, {
      release,
      component: 'triggerer',
      namespace,
      roleName: `${release.namespaces.includes(namespace) ? '' : `${release.namespace}-`}${release.name}-triggerer`,
      serviceAccountName: triggerer.serviceAccountName,
      rules: TRIGGERER_RULES,
      labels: stackLabels(release),
    });
  }
}
