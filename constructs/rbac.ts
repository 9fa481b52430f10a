import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import type { Release } from './release.js';
import { lazy } from './lazy.js';

/** A rule of a Role. */
export interface RoleRule {
  readonly apiGroups: string[];
  readonly resources: string[];
  /** @default - All of them. */
  readonly resourceNames?: string[];
  readonly verbs: string[];
}

/** What a `ComponentRole` grants, where and to whom. */
export interface ComponentRoleProps {
  readonly release: Release;
  /** Value of the label `component`. */
  readonly component: string;
  /** The Role is `<roleName>-role`, its binding `<roleName>-rolebinding`. */
  readonly roleName: string;
  /** @default - The namespace of the stack. */
  readonly namespace?: string;
  readonly serviceAccountName: string;
  /** Namespaces of the service accounts of that name. @default - The namespace of the stack. */
  readonly serviceAccountNamespaces?: string[];
  /** More labels. @default - None. */
  readonly labels?: { [key: string]: string };
  readonly rules: RoleRule[];
}

/** A Role in one namespace, bound to the service account of one component. There are no ClusterRoles. */
export class ComponentRole extends Construct {
  private readonly rules: RoleRule[];

  public constructor(scope: Construct, id: string, props: ComponentRoleProps) {
    super(scope, id);
    const { release, roleName } = props;
    const namespace = props.namespace ?? release.namespace;
    const labels = { ...release.objectLabels(props.component), ...props.labels };
    const accounts = props.serviceAccountNamespaces ?? [release.namespace];
    this.rules = [...props.rules];
    new ApiObject(this, 'Resource', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: `${roleName}-role`, namespace, labels },
      rules: lazy(() => this.rules),
    });
    new ApiObject(this, 'Binding', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: `${roleName}-rolebinding`, namespace, labels },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: `${roleName}-role` },
      subjects: accounts.map((each) => ({
        kind: 'ServiceAccount',
        name: props.serviceAccountName,
        namespace: each,
      })),
    });
  }

  /** Grants more; what is granted already is not repeated. */
  public addRule(rule: RoleRule): void {
    const text = JSON.stringify(rule);
    if (!this.rules.some((each) => JSON.stringify(each) === text)) this.rules.push(rule);
  }
}

/** What the launcher does with pods: no more verbs than it uses. Events tell why a pod failed. */
export const LAUNCHER_RULES: RoleRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['create', 'delete', 'get', 'list', 'patch', 'watch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['list'] },
];

/** What Airflow's own KubernetesExecutor does with pods; it reads logs in the webserver only. */
export const STOCK_EXECUTOR_RULES: RoleRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['create', 'delete', 'get', 'list', 'patch', 'watch'] },
];

/** Finding the pod of a running task and reading its log. */
export const LOG_READER_RULES: RoleRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] },
  { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
];
