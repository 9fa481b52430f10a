// Kubernetes lets whoever may create a pod use every Secret and service account of its namespace. This policy, which the
// API server itself enforces (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/),
// takes that back: pure, from lists of names to the `spec`.
import { LABELS } from './contract.js';

/** What the policy of one service account in one namespace lets through. */
export interface TaskAdmission {
  /** `system:serviceaccount:<namespace>:<name>` of whom it holds. */
  readonly usernames: string[];
  readonly namespace: string;
  readonly secrets: string[];
  readonly serviceAccounts: string[];
  /** What is the stack's own in that namespace. @default - The namespace is none of the stack's. */
  readonly stack?: StackObjects;
}

/** Objects that tasks must leave alone. */
export interface StackObjects {
  readonly release: string;
  /** Its volume claims. */
  readonly claims: string[];
}

/** What Pod Security "baseline" lets a container add. */
const CAPABILITIES = [
  ...['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP'],
  ...['SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT'],
];

/** Kinds of volumes that reach neither the node nor a Secret that is not looked at here. */
const VOLUMES = ['emptyDir', 'configMap', 'secret', 'projected', 'downwardAPI', 'persistentVolumeClaim', 'image'];

/** A list of CEL. JSON's strings are CEL's too. */
function list(values: readonly string[]): string {
  return JSON.stringify([...values].sort());
}

/** `spec` of the ValidatingAdmissionPolicy. */
export function admissionPolicy(admission: TaskAdmission): object {
  const { namespace, stack } = admission;
  return {
    failurePolicy: 'Fail',
    matchConstraints: {
      matchPolicy: 'Equivalent',
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      resourceRules: [
        // Everything: a pod template may be in any kind that tasks have been granted.
        { apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], operations: ['CREATE', 'UPDATE', 'DELETE'] },
      ],
    },
    matchConditions: [
      { name: 'a-task-of-this-stack', expression: `request.userInfo.username in ${list(admission.usernames)}` },
    ],
    variables: [...podVariables(), ...secretVariables(admission)],
    validations: [...podValidations(admission), ...(stack === undefined ? [] : stackValidations(stack))],
  };
}

/** `spec` of its ValidatingAdmissionPolicyBinding. */
export function admissionBinding(policyName: string): object {
  return { policyName, validationActions: ['Deny'] };
}

interface Variable {
  readonly name: string;
  readonly expression: string;
}

interface Validation {
  readonly expression: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason: string;
}

/** The pod that is made, be it one itself or the template in a Job, CronJob, Deployment, PodTemplate. */
function podVariables(): Variable[] {
  return [
    // What is deleted is not looked into: a pod must go even when its Secret has been taken from the list.
    { name: 'made', expression: `request.operation == 'DELETE' ? dyn({}) : dyn(object)` },
    {
      name: 'template',
      expression:
        `request.kind.kind == 'Pod' ? variables.made : ` +
        `variables.made.?spec.?jobTemplate.?spec.?template.or(variables.made.?spec.?template)` +
        `.or(variables.made.?template).orValue(dyn({}))`,
    },
    { name: 'pod', expression: `variables.template.?spec.orValue(dyn({}))` },
    { name: 'volumes', expression: `variables.pod.?volumes.orValue([])` },
    {
      name: 'containers',
      expression:
        `variables.pod.?containers.orValue([]) + variables.pod.?initContainers.orValue([]) + ` +
        `variables.pod.?ephemeralContainers.orValue([])`,
    },
  ];
}

function secretVariables({ secrets, serviceAccounts }: TaskAdmission): Variable[] {
  return [
    { name: 'allowedSecrets', expression: list(secrets) },
    { name: 'allowedServiceAccounts', expression: list(serviceAccounts) },
    {
      name: 'secrets',
      expression: [
        `(variables.volumes.filter(v, has(v.secret)).map(v, v.secret.?secretName.orValue(''))`,
        ` + variables.volumes.filter(v, has(v.projected)).map(v, v.projected.?sources.orValue([])`,
        `.filter(s, has(s.secret)).map(s, s.secret.?name.orValue('')).join(','))`,
        ` + variables.containers.map(c, c.?env.orValue([])`,
        `.filter(e, e.?valueFrom.?secretKeyRef.hasValue()).map(e, e.valueFrom.secretKeyRef.?name.orValue('')).join(','))`,
        ` + variables.containers.map(c, c.?envFrom.orValue([])`,
        `.filter(e, has(e.secretRef)).map(e, e.secretRef.?name.orValue('')).join(','))`,
        ` + variables.pod.?imagePullSecrets.orValue([]).map(s, s.?name.orValue(''))`,
        `).join(',').split(',').filter(s, s != '')`,
      ].join(''),
    },
    { name: 'forbiddenSecrets', expression: `variables.secrets.filter(s, !(s in variables.allowedSecrets))` },
    {
      name: 'serviceAccount',
      expression: `variables.pod.?serviceAccountName.orValue('') == '' ? 'default' : variables.pod.serviceAccountName`,
    },
  ];
}

function podValidations({ namespace }: TaskAdmission): Validation[] {
  const kinds = VOLUMES.map((kind) => `has(v.${kind})`).join(' || ');
  return [
    {
      expression: `size(variables.forbiddenSecrets) == 0`,
      messageExpression:
        `'tasks of this service account may not use the Secret ' + variables.forbiddenSecrets.join(', ') + ` +
        `' in namespace ${namespace}: name it in "secrets" of tasks.allow in the stack'`,
      reason: 'Forbidden',
    },
    {
      expression: `variables.serviceAccount in variables.allowedServiceAccounts`,
      messageExpression:
        `'pods of tasks of this service account may not run under the service account ' + variables.serviceAccount + ` +
        `' in namespace ${namespace}: name it in "serviceAccounts" of tasks.allow in the stack'`,
      reason: 'Forbidden',
    },
    {
      expression:
        `!variables.pod.?hostNetwork.orValue(false) && !variables.pod.?hostPID.orValue(false) && ` +
        `!variables.pod.?hostIPC.orValue(false) && ` +
        `!variables.pod.?securityContext.?windowsOptions.?hostProcess.orValue(false) && ` +
        `variables.containers.all(c, !c.?securityContext.?privileged.orValue(false) && ` +
        `!c.?securityContext.?windowsOptions.?hostProcess.orValue(false) && ` +
        `c.?securityContext.?procMount.orValue('Default') == 'Default' && ` +
        `c.?securityContext.?capabilities.?add.orValue([]).all(a, a in ${list(CAPABILITIES)}))`,
      message: 'pods of tasks may not be privileged, nor use the network, processes or capabilities of the node',
      reason: 'Forbidden',
    },
    {
      // An ephemeral or CSI volume could be a copy of another volume, or bring a Secret of its own.
      expression:
        `variables.volumes.all(v, ${kinds} || (has(v.csi) && !has(v.csi.nodePublishSecretRef)) || ` +
        `(has(v.ephemeral) && !v.ephemeral.?volumeClaimTemplate.?spec.?dataSource.hasValue() && ` +
        `!v.ephemeral.?volumeClaimTemplate.?spec.?dataSourceRef.hasValue()))`,
      message: `volumes of pods of tasks may be ${VOLUMES.join(', ')}, csi without a Secret, and ephemeral`,
      reason: 'Forbidden',
    },
  ];
}

/** In the stack's own namespaces: who makes pods there is not to get at the stack by them. */
function stackValidations({ release, claims }: StackObjects): Validation[] {
  const bears = (metadata: string): string =>
    `(${metadata}.?labels[?'release'].orValue('') == '${release}' || ` +
    `${metadata}.?labels[?'${LABELS.DEPLOYMENT}'].orValue('') == '${release}')`;
  const names = list(claims);
  return [
    {
      expression:
        `!${bears('variables.made.?metadata')} && !${bears('variables.template.?metadata')} && ` +
        `(request.operation == 'CREATE' || !${bears('dyn(oldObject).?metadata')})`,
      message: `tasks may neither change nor delete what is of the stack ${release}, nor give its labels to what they make`,
      reason: 'Forbidden',
    },
    {
      expression:
        `variables.volumes.all(v, !(v.?persistentVolumeClaim.?claimName.orValue('') in ${names})) && ` +
        `(request.kind.kind != 'PersistentVolumeClaim' || ` +
        `(!(variables.made.?spec.?dataSource.?name.orValue('') in ${names}) && ` +
        `!(variables.made.?spec.?dataSourceRef.?name.orValue('') in ${names})))`,
      message: `tasks may neither mount nor copy the volume claims of the stack ${release}`,
      reason: 'Forbidden',
    },
  ];
}
