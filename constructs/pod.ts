// Pods as the API server has them, and no more than this library writes. cdk8s-plus-27 stops at Kubernetes 1.27 and drops
// later fields (the `restartPolicy` of native sidecars) without a word; `patch` of a component reaches what is not here.

/** Where the value of an environment variable comes from. */
export interface EnvVarSource {
  readonly secretKeyRef?: KeySelector;
  readonly configMapKeyRef?: KeySelector;
  readonly fieldRef?: FieldSelector;
}

/** A key of a Secret or ConfigMap in the pod's namespace. */
export interface KeySelector {
  readonly name: string;
  readonly key: string;
  /** @default false - The container waits until the object and key exist. */
  readonly optional?: boolean;
}

/** A field of the pod itself. */
export interface FieldSelector {
  readonly fieldPath: string;
}

/** An environment variable of a container. */
export interface EnvVar {
  readonly name: string;
  /** @default - Taken from `valueFrom`, or empty. */
  readonly value?: string;
  /** @default - `value`. */
  readonly valueFrom?: EnvVarSource;
}

/** A place where a container sees a volume. */
export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  /** @default - The whole volume. */
  readonly subPath?: string;
  /** @default false */
  readonly readOnly?: boolean;
}

/** A volume of a pod: exactly one source. */
export interface PodVolume {
  readonly name: string;
  /** https://kubernetes.io/docs/concepts/storage/volumes/#emptydir */
  readonly emptyDir?: object;
  readonly configMap?: object;
  readonly secret?: object;
  readonly persistentVolumeClaim?: object;
  readonly projected?: object;
  readonly csi?: object;
  readonly nfs?: object;
  readonly ephemeral?: object;
}

/** A container, init container or native sidecar (an init container with `restartPolicy: Always`). */
export interface PodContainer {
  readonly name: string;
  /** @default - The image of Airflow. */
  readonly image?: string;
  /** @default - As Airflow's. */
  readonly imagePullPolicy?: string;
  /** @default - The entrypoint of the image. */
  readonly command?: string[];
  readonly args?: string[];
  readonly env?: EnvVar[];
  readonly volumeMounts?: VolumeMount[];
  readonly ports?: ContainerPort[];
  /** In the API's own form: `{ requests: { cpu: '50m' } }`. */
  readonly resources?: object;
  readonly startupProbe?: object;
  readonly livenessProbe?: object;
  readonly readinessProbe?: object;
  /** `Always` makes an init container a native sidecar. */
  readonly restartPolicy?: string;
  /** @default - What Pod Security "restricted" asks for. */
  readonly securityContext?: object;
}

/** A port that a container listens on. */
export interface ContainerPort {
  readonly name: string;
  readonly containerPort: number;
}

/** What the DAGs, the logs or the executor add to the pod of a component. */
export interface PodPart {
  readonly volumes?: PodVolume[];
  /** Mounts of the main container. */
  readonly mounts?: VolumeMount[];
  /** Environment of the main container. */
  readonly env?: EnvVar[];
  /** Init containers and native sidecars; they run before the wait for the migrations. */
  readonly initContainers?: PodContainer[];
  /** Pods that carry one of these labels with the same value share a node: they mount a ReadWriteOnce volume. */
  readonly nodeLabels?: { [key: string]: string };
}

/** Uid of Airflow in its image; its group is 0. */
export const AIRFLOW_UID = 50000;

/** What Pod Security "restricted" wants of each container. */
export function restricted(extra: object = {}): object {
  return { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, ...extra };
}

/** What Pod Security "restricted" wants of each pod. */
export function restrictedPod(uid: number, gid: number): object {
  return {
    runAsNonRoot: true,
    runAsUser: uid,
    runAsGroup: gid,
    fsGroup: gid,
    // A volume with a million log files must not be walked at each start of a pod.
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** An `affinity` as far as it is looked into here. */
interface AffinityTerms {
  readonly podAffinity?: { readonly requiredDuringSchedulingIgnoredDuringExecution?: object[] };
}

/** Required self-affinity per label: all pods that carry it run on one node. The first one is free to choose. */
export function sameNode(labels: { [key: string]: string }, affinity: object = {}): object | undefined {
  const terms = Object.entries(labels).map(([key, value]) => ({
    labelSelector: { matchLabels: { [key]: value } },
    topologyKey: 'kubernetes.io/hostname',
  }));
  if (terms.length === 0) return Object.keys(affinity).length === 0 ? undefined : affinity;
  const { podAffinity } = affinity as AffinityTerms;
  const required = [...(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []), ...terms];
  return { ...affinity, podAffinity: { ...podAffinity, requiredDuringSchedulingIgnoredDuringExecution: required } };
}

/** Merges parts in order. */
export function joinParts(...parts: PodPart[]): Required<PodPart> {
  return {
    volumes: uniqueByName(parts.flatMap((part) => part.volumes ?? [])),
    mounts: parts.flatMap((part) => part.mounts ?? []),
    env: parts.flatMap((part) => part.env ?? []),
    initContainers: parts.flatMap((part) => part.initContainers ?? []),
    nodeLabels: Object.assign({}, ...parts.map((part) => part.nodeLabels ?? {})) as { [key: string]: string },
  };
}

function uniqueByName(volumes: PodVolume[]): PodVolume[] {
  return [...new Map(volumes.map((volume) => [volume.name, volume])).values()];
}

/** A variable whose value is a key of a Secret. */
export function fromSecret(name: string, secret: string, key: string): EnvVar {
  return { name, valueFrom: { secretKeyRef: { name: secret, key } } };
}

/**
 * The token, CA and namespace that clients of the Kubernetes API look for, as a volume:
 * mounted in the one container that needs it, where `automountServiceAccountToken` would give it to all.
 */
export function tokenVolume(name: string): PodVolume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  };
}
