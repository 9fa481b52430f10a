import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { ClusterObject } from './cluster-object.js';
import type { DeferredPods } from './deferred-pods.js';
import { lazy } from './lazy.js';
import { ComponentRole } from './rbac.js';
import type { Release } from './release.js';
import { stackLabels } from './stack-labels.js';
import { admissionBinding, admissionPolicy, type TaskAdmission } from './task-admission.js';
import { checkPermissions, roleRules, SPARK_DRIVER_RULES, type TaskPermissions, writes } from './task-permissions.js';
import { Checks, claimKey } from './validation.js';

/** Props of `TaskServiceAccount`; `Tasks` gives them. */
export interface TaskServiceAccountProps {
  readonly release: Release;
  readonly deferredPods: DeferredPods;
  readonly name: string;
  /** It is there in each of them. */
  readonly namespaces: string[];
}

/** A service account of tasks, and what it may do. */
export class TaskServiceAccount extends Construct {
  public readonly name: string;
  private readonly props: TaskServiceAccountProps;
  private readonly checks: Checks;
  private readonly roles = new Map<string, ComponentRole>();
  /** By namespace: what has been allowed there. */
  private readonly allowed = new Map<string, TaskPermissions[]>();
  private readonly policies = new Set<string>();
  private created = false;

  public constructor(scope: Construct, id: string, props: TaskServiceAccountProps) {
    super(scope, id);
    this.name = props.name;
    this.props = props;
    this.checks = new Checks(this);
  }

  /** Makes the service account itself, in each of its namespaces; once. */
  public create(annotations: { [key: string]: string } = {}): void {
    if (this.created) return;
    this.created = true;
    const labels = this.props.release.objectLabels('worker');
    for (const namespace of this.props.namespaces) {
      new ApiObject(this, `account-${namespace}`, {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: this.name, namespace, annotations, labels },
        // The container of the task mounts a token; the others of its pod need none.
        automountServiceAccountToken: false,
      });
    }
  }

  /** Allows it to the tasks of this service account, besides what they may already. */
  public allow(permissions: TaskPermissions): void {
    const { release, namespaces, deferredPods } = this.props;
    const { namespace } = permissions;
    const targets = namespace === undefined ? namespaces : [namespace];
    const ofStack = targets.some((target) => release.namespaces.includes(target));
    checkPermissions(this.checks, permissions, ofStack);
    release.giveToken(this.name);
    for (const target of targets) {
      this.allowed.set(target, [...(this.allowed.get(target) ?? []), permissions]);
      const role = this.role(target, namespace === undefined ? [target] : namespaces);
      for (const rule of roleRules(permissions)) role.addRule(rule);
      if (writes(permissions) && permissions.admissionPolicy !== false) this.enforce(target);
      if (permissions.volumeClaims === true && permissions.admissionPolicy !== false) this.letReadStorageClasses();
      if (permissions.spark !== undefined) this.addDriver(permissions.spark, target);
      if (permissions.deferrable === true) deferredPods.follow(target);
    }
  }

  /** The storage class says when a claim is bound: at once, or when a pod uses it. It is of the whole cluster. */
  private letReadStorageClasses(): void {
    if (this.node.tryFindChild('storage-classes') !== undefined) return;
    const { release, namespaces } = this.props;
    const name = [release.namespace, release.name, this.name, 'storage-classes'].join('.');
    const metadata = { name, labels: { ...release.objectLabels('worker'), ...stackLabels(release) } };
    const apiGroup = 'rbac.authorization.k8s.io';
    new ClusterObject(this, 'storage-classes', {
      apiVersion: `${apiGroup}/v1`,
      kind: 'ClusterRole',
      metadata,
      rules: [{ apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['get'] }],
    });
    new ClusterObject(this, 'storage-classes-binding', {
      apiVersion: `${apiGroup}/v1`,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup, kind: 'ClusterRole', name },
      subjects: namespaces.map((namespace) => ({ kind: 'ServiceAccount', name: this.name, namespace })),
    });
  }

  /** The service account of Spark's drivers: its pods are held to what the tasks may know, as theirs are. */
  private addDriver(name: string, namespace: string): void {
    const { release } = this.props;
    const other = claimKey(this, `service account ${namespace}/${name}`);
    if (other === this.node.path) return;
    if (other !== undefined) {
      this.checks.report(
        'spark',
        name,
        `must differ from that of ${other}: a driver may know what one service account of tasks may`,
      );
      return;
    }
    const labels = { ...release.objectLabels('worker'), ...stackLabels(release) };
    new ApiObject(this, `driver-${namespace}-${name}`, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name, namespace, labels },
    });
    new ComponentRole(this, `driver-role-${namespace}-${name}`, {
      release,
      component: 'worker',
      namespace,
      roleName: `${this.prefix(namespace)}-spark-${name}`,
      serviceAccountName: name,
      serviceAccountNamespaces: [namespace],
      rules: SPARK_DRIVER_RULES,
      labels: stackLabels(release),
    });
  }

  /** Stacks of one name that have no namespace in common may still share one where their tasks have rights. */
  private prefix(namespace: string): string {
    const { release } = this.props;
    return release.namespaces.includes(namespace) ? release.name : `${release.namespace}-${release.name}`;
  }

  /** @param from namespaces of the service accounts of this name that get it */
  private role(namespace: string, from: string[]): ComponentRole {
    // The tasks of one namespace may be allowed more in it than those of the others.
    const own = from.length === 1 && from[0] === namespace;
    const id = own ? `role-${namespace}` : `shared-role-${namespace}`;
    const { release } = this.props;
    const role =
      this.roles.get(id) ??
      new ComponentRole(this, id, {
        release,
        component: 'worker',
        namespace,
        roleName: `${this.prefix(namespace)}-tasks-${this.name}${own ? '' : '-shared'}`,
        serviceAccountName: this.name,
        serviceAccountNamespaces: from,
        rules: [],
        labels: stackLabels(release),
      });
    this.roles.set(id, role);
    return role;
  }

  /** Has the API server hold what these tasks make in that namespace to what is allowed. */
  private enforce(namespace: string): void {
    if (this.policies.has(namespace)) return;
    this.policies.add(namespace);
    const { release } = this.props;
    const name = [release.namespace, release.name, this.name, namespace].join('.');
    const metadata = { name, labels: { ...release.objectLabels('worker'), ...stackLabels(release) } };
    const apiVersion = 'admissionregistration.k8s.io/v1';
    new ClusterObject(this, `policy-${namespace}`, {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: lazy(() => admissionPolicy(this.admission(namespace))),
    });
    new ClusterObject(this, `policy-binding-${namespace}`, {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: admissionBinding(name),
    });
  }

  private admission(namespace: string): TaskAdmission {
    const { release, namespaces } = this.props;
    const allowed = this.allowed.get(namespace) ?? [];
    const named = (names: (string[] | undefined)[]): string[] => [...new Set(names.flatMap((each) => each ?? []))];
    const drivers = [...new Set(allowed.flatMap(({ spark }) => spark ?? []))];
    return {
      usernames: [
        ...namespaces.map((each) => `system:serviceaccount:${each}:${this.name}`),
        ...drivers.map((driver) => `system:serviceaccount:${namespace}:${driver}`),
      ],
      namespace,
      secrets: named(allowed.map(({ secrets }) => secrets)),
      serviceAccounts: named([['default'], drivers, ...allowed.map(({ serviceAccounts }) => serviceAccounts)]),
      ...(release.namespaces.includes(namespace) && { stack: { release: release.name, claims: claims(release) } }),
    };
  }
}

/** The volume claims of the stack: those that its pods mount, and the database's. */
function claims(release: Release): string[] {
  const { dags, logs, executor } = release;
  const parts = [logs, dags.processor, dags.reader, dags.task, executor.scheduler, executor.webserver];
  const mounted = parts.flatMap(({ volumes }) =>
    (volumes ?? []).flatMap(({ persistentVolumeClaim }) =>
      persistentVolumeClaim === undefined ? [] : [(persistentVolumeClaim as { claimName: string }).claimName],
    ),
  );
  return [...new Set([...mounted, `data-${release.name}-postgresql-0`])];
}
