import type { RoleRule } from './rbac.js';
import type { Checks } from './validation.js';

/** What tasks may do with the Kubernetes API in one namespace. */
export interface TaskPermissions {
  /** Where; made by `deploy` if it is missing. @default - The namespace that the task itself runs in. */
  readonly namespace?: string;
  /** Run pods: PodOperator, `@task.pod`, `Pod`. @default false */
  readonly pods?: boolean;
  /** Run Jobs: JobOperator. @default false */
  readonly jobs?: boolean;
  /** Make and delete volume claims: VolumeClaimOperator. @default false */
  readonly volumeClaims?: boolean;
  /** Run Spark: SparkOperator. Name of a service account that is made for the drivers. @default - None. */
  readonly spark?: string;
  /** The Secrets that tasks may know: pods that they make may use them, and they may read them by name. @default - None. */
  readonly secrets?: string[];
  /** Service accounts that pods made by tasks may run under. @default - Only 'default', and that of `spark`. */
  readonly serviceAccounts?: string[];
  /** Tasks may defer: the triggerer follows and deletes their pods meanwhile. @default false */
  readonly deferrable?: boolean;
  /** What else, such as the kinds that a YamlOperator applies. @default - Nothing. */
  readonly rules?: RoleRule[];
  /**
   * Holds what tasks make to `secrets`, `serviceAccounts` and no privileges. It is an object of the whole cluster, of
   * Kubernetes 1.30 or newer. Without it whoever may run pods may use every Secret of the namespace, so that `namespace`
   * must then be none of the stack's; nothing is then made of the whole cluster. @default true
   */
  readonly admissionPolicy?: boolean;
}

const EVENTS: RoleRule = { apiGroups: [''], resources: ['events'], verbs: ['list'] };
const POD_LOGS: RoleRule = { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] };

/** Exactly what `pod-launcher run-pod` asks for. */
const POD_RULES: RoleRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['create', 'delete', 'get', 'list', 'patch', 'watch'] },
  POD_LOGS,
  EVENTS,
];

const JOB_RULES: RoleRule[] = [
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['create', 'delete', 'get', 'list', 'patch', 'watch'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
  POD_LOGS,
  EVENTS,
];

const CLAIM_RULES: RoleRule[] = [
  {
    apiGroups: [''],
    resources: ['persistentvolumeclaims'],
    verbs: ['create', 'delete', 'get', 'list', 'patch', 'watch'],
  },
  EVENTS,
];

/** What a driver does to the pods of its executors, and to what belongs to them. */
export const SPARK_DRIVER_RULES: RoleRule[] = [
  {
    apiGroups: [''],
    resources: ['pods', 'configmaps', 'services', 'persistentvolumeclaims'],
    verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'watch'],
  },
];

/** The rules of the Role that grants it. */
export function roleRules({ pods, jobs, volumeClaims, spark, secrets, rules }: TaskPermissions): RoleRule[] {
  return [
    // A driver is a pod as any other.
    ...(pods === true || spark !== undefined ? POD_RULES : []),
    ...(jobs === true ? JOB_RULES : []),
    ...(volumeClaims === true ? CLAIM_RULES : []),
    ...(rules ?? []),
    // Without names it would be all of them.
    ...((secrets ?? []).length > 0
      ? [{ apiGroups: [''], resources: ['secrets'], resourceNames: secrets ?? [], verbs: ['get'] }]
      : []),
  ];
}

/** The rules of the triggerer: it follows and deletes pods, and makes none. */
export const TRIGGERER_RULES: RoleRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['delete', 'get', 'list', 'patch', 'watch'] },
  POD_LOGS,
  EVENTS,
];

/** Whether tasks may make or change anything by it. */
export function writes({ pods, jobs, volumeClaims, spark, rules }: TaskPermissions): boolean {
  const named = [pods, jobs, volumeClaims].includes(true);
  return named || spark !== undefined || (rules ?? []).length > 0;
}

/**
 * Refuses what cannot be granted.
 * @param ofStack whether the namespace is one of the stack's
 */
export function checkPermissions(checks: Checks, permissions: TaskPermissions, ofStack: boolean): void {
  const { namespace, spark, secrets, serviceAccounts, rules, admissionPolicy } = permissions;
  checks.dnsLabel('namespace', namespace);
  checks.dnsName('spark', spark);
  for (const secret of secrets ?? []) checks.dnsName('secrets', secret);
  for (const account of serviceAccounts ?? []) checks.dnsName('serviceAccounts', account);
  if (!writes(permissions) && (secrets ?? []).length === 0)
    checks.report(
      'allow',
      permissions,
      "must allow something: 'pods', 'jobs', 'volumeClaims', 'spark', 'secrets' or 'rules'",
    );
  if (admissionPolicy === false && ofStack && writes(permissions))
    checks.report(
      'admissionPolicy',
      false,
      "must be true in a namespace of the stack: tasks could use every Secret there; or give another 'namespace'",
    );
  for (const rule of rules ?? []) {
    if ([...rule.apiGroups, ...rule.resources, ...rule.verbs].includes('*'))
      checks.report('rules', rule, "must name API groups, resources and verbs: '*' allows more than is known today");
    else if (ofStack && rule.resources.includes('secrets') && rule.resourceNames === undefined)
      checks.report(
        'rules',
        rule,
        "must not hold all Secrets of a namespace of the stack: name them in 'secrets', or give another 'namespace'",
      );
  }
}
