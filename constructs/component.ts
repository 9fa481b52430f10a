import { ApiObject, type JsonPatch } from 'cdk8s';
import { Construct } from 'constructs';
import {
  AIRFLOW_UID,
  type EnvVar,
  joinParts,
  type PodContainer,
  type PodPart,
  type PodVolume,
  restricted,
  restrictedPod,
  sameNode,
  type VolumeMount,
} from './pod.js';
import type { Release } from './release.js';
import { checkResources, renderResources, type Requests, type Resources } from './resources.js';
import { sha256 } from './hash.js';
import { waitForMigrations } from './scripts.js';
import { Checks } from './validation.js';
import { lazy } from './lazy.js';

/** What can be said of the pods of every component. */
export interface ComponentOptions {
  /** @default - Small requests, no limits. */
  readonly resources?: Resources;
  /** Environment of the main container. @default - Only what the component needs. */
  readonly env?: { [name: string]: string };
  /** @default - None but the component's own. */
  readonly podLabels?: { [key: string]: string };
  /** @default - Only checksums of what the pod reads. */
  readonly podAnnotations?: { [key: string]: string };
  /** E.g. for a cloud identity. @default - None. */
  readonly serviceAccountAnnotations?: { [key: string]: string };
  /** @default - Any node. */
  readonly nodeSelector?: { [key: string]: string };
  /** In the API's own form. @default - None. */
  readonly tolerations?: object[];
  /** In the API's own form. @default - Pods that share a ReadWriteOnce volume share a node. */
  readonly affinity?: object;
  /** In the API's own form. @default - None. */
  readonly topologySpreadConstraints?: object[];
  /** @default - The cluster's default. */
  readonly priorityClassName?: string;
}

/** How a component differs from the others; for subclasses of `Component`. */
export interface ComponentShape {
  readonly release: Release;
  /** Value of the label `component` and suffix of the object name. */
  readonly component: string;
  /** Name of the API object. @default - `<release>-<component>`. */
  readonly objectName?: string;
  /** `Deployment`, `StatefulSet` or `Job`. */
  readonly kind: string;
  /** `spec` of the workload without selector and pod template. */
  readonly spec: object;
  /** The main container; image, mounts, environment and security are completed. */
  readonly container: PodContainer;
  /** Requests unless the user says otherwise. */
  readonly requests: Requests;
  /** Parts of DAGs, logs, executor, in the order of their init containers. */
  readonly parts?: PodPart[];
  /** @default true - Mounts airflow.cfg and the scripts. */
  readonly runsAirflow?: boolean;
  /** @default true - An init container waits until the database has been migrated. */
  readonly waitsForMigrations?: boolean;
  /** @default - Always (Jobs: OnFailure). */
  readonly restartPolicy?: string;
  /** @default - The cluster's 30 seconds. */
  readonly terminationGracePeriodSeconds?: number;
  readonly options: ComponentOptions;
}

/** A part of Airflow that runs in pods of its own, under a service account of its own. */
export abstract class Component extends Construct {
  /** Name of the Deployment, StatefulSet or Job (of a Job without its hash). */
  public readonly name: string;
  /** The service account of the pods; it has no rights unless a Role says so. */
  public readonly serviceAccountName: string;
  /** The Deployment, StatefulSet or Job. */
  public readonly workload: ApiObject;

  private readonly shape: ComponentShape;
  private readonly checks: Checks;
  private readonly env: EnvVar[] = [];
  private readonly volumes: PodVolume[] = [];
  private readonly mounts: VolumeMount[] = [];
  private readonly containers: PodContainer[] = [];
  private readonly initContainers: PodContainer[] = [];

  protected constructor(scope: Construct, id: string, shape: ComponentShape) {
    super(scope, id);
    const { release, component, kind, options } = shape;
    this.shape = shape;
    this.checks = new Checks(this);
    this.name = shape.objectName ?? `${release.name}-${component}`;
    this.serviceAccountName = `${release.name}-airflow-${component}`;
    checkResources(this.checks, options.resources);
    this.checks.labels('podLabels', options.podLabels);
    for (const [name, value] of Object.entries(options.env ?? {})) this.addEnv(name, value);

    new ApiObject(this, 'ServiceAccount', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: {
        name: this.serviceAccountName,
        labels: release.objectLabels(component),
        annotations: options.serviceAccountAnnotations,
      },
      // The containers that talk to the API server mount a token of their own.
      automountServiceAccountToken: false,
    });
    const Kind = kind === 'Job' ? HashNamedObject : ApiObject;
    this.workload = new Kind(this, 'Resource', {
      apiVersion: kind === 'Job' ? 'batch/v1' : 'apps/v1',
      kind,
      metadata: { name: this.name, labels: release.objectLabels(component) },
      spec: lazy(() => this.workloadSpec()),
    });
  }

  /** Sets an environment variable of the main container; replaces one of the same name. */
  public addEnv(name: string, value: string): void {
    this.addEnvVar({ name, value });
  }

  /** Sets an environment variable of the main container from a Secret, a ConfigMap or a field. */
  public addEnvVar(variable: EnvVar): void {
    this.checks.envName('env', variable.name);
    this.env.push(variable);
  }

  /** Adds a volume to the pods and, when a path is given, mounts it in the main container. */
  public addVolume(volume: PodVolume, mountPath?: string): void {
    this.checks.dnsLabel('volume.name', volume.name);
    this.checks.absolutePath('mountPath', mountPath);
    this.volumes.push(volume);
    if (mountPath !== undefined) this.addMount({ name: volume.name, mountPath });
  }

  /** Mounts a volume of the pods in the main container. */
  public addMount(mount: VolumeMount): void {
    this.mounts.push(mount);
  }

  /** Adds a container that runs beside the main one. */
  public addContainer(container: PodContainer): void {
    this.checks.dnsLabel('container.name', container.name);
    this.containers.push(container);
  }

  /** Adds an init container after those of the component; with `restartPolicy: 'Always'` a native sidecar. */
  public addInitContainer(container: PodContainer): void {
    this.checks.dnsLabel('initContainer.name', container.name);
    this.initContainers.push(container);
  }

  /** Changes the finished Deployment, StatefulSet or Job: for what no prop offers. */
  public patch(...operations: JsonPatch[]): void {
    this.workload.addJsonPatch(...operations);
  }

  private workloadSpec(): object {
    const { release, component, kind, spec } = this.shape;
    return {
      // A day to look at it; run again, it finds its work done.
      ...(kind === 'Job' && { ttlSecondsAfterFinished: 86400 }),
      ...spec,
      // A Job gets its selector from the API server.
      ...(kind !== 'Job' && { selector: { matchLabels: release.selector(component) } }),
      template: this.podTemplate(),
    };
  }

  /** Annotations that change when what the pods read at their start changes. */
  protected checksums(): { [key: string]: string } {
    return { 'checksum/airflow-config': sha256(this.shape.release.config.text()) };
  }

  private podTemplate(): object {
    const { release, component, options, kind } = this.shape;
    const runsAirflow = this.shape.runsAirflow ?? true;
    const part = joinParts(runsAirflow ? release.commonPart() : {}, ...(this.shape.parts ?? []));
    const main: PodContainer = {
      ...this.shape.container,
      env: lastOfEachName([...part.env, ...(this.shape.container.env ?? []), ...this.env]),
      volumeMounts: [...part.mounts, ...this.mounts],
      resources: renderResources(this.shape.requests, options.resources),
    };
    const waits = runsAirflow && (this.shape.waitsForMigrations ?? true) ? [waitForMigrations(release)] : [];
    return {
      metadata: {
        labels: { ...release.labels, ...options.podLabels, ...part.nodeLabels, ...release.selector(component) },
        annotations: { ...this.checksums(), ...options.podAnnotations },
      },
      spec: {
        serviceAccountName: this.serviceAccountName,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: restrictedPod(AIRFLOW_UID, 0),
        restartPolicy: this.shape.restartPolicy ?? (kind === 'Job' ? 'OnFailure' : undefined),
        terminationGracePeriodSeconds: this.shape.terminationGracePeriodSeconds,
        imagePullSecrets: release.imagePullSecrets(),
        priorityClassName: options.priorityClassName,
        nodeSelector: options.nodeSelector,
        tolerations: options.tolerations,
        affinity: sameNode(part.nodeLabels, options.affinity),
        topologySpreadConstraints: options.topologySpreadConstraints,
        initContainers: nonEmpty(
          [...part.initContainers, ...waits, ...this.initContainers].map((container) => complete(container, release)),
        ),
        containers: [main, ...this.containers].map((container) => complete(container, release)),
        volumes: nonEmpty([...part.volumes, ...this.volumes]),
      },
    };
  }
}

/** Image, pull policy and security, unless the container brings its own. */
export function complete(container: PodContainer, release: Release): PodContainer {
  return {
    image: release.image,
    imagePullPolicy: release.imagePullPolicy,
    ...container,
    securityContext: container.securityContext ?? restricted(),
    volumeMounts: nonEmpty(container.volumeMounts ?? []),
    env: nonEmpty(container.env ?? []),
  };
}

/** An absent list instead of an empty one, which server-side apply would own. */
export function nonEmpty<T>(list: T[]): T[] | undefined {
  return list.length > 0 ? list : undefined;
}

function lastOfEachName(env: EnvVar[]): EnvVar[] {
  return [...new Map(env.map((variable) => [variable.name, variable])).values()];
}

/**
 * A Job is immutable: its name ends in a hash of what it runs, so that `kubectl apply` of a changed one makes a new one
 * and of an unchanged one does nothing.
 */
class HashNamedObject extends ApiObject {
  public override toJson(): unknown {
    const manifest = super.toJson() as { metadata: { name: string }; spec: object };
    const hash = sha256(JSON.stringify(manifest.spec)).slice(0, 8);
    return { ...manifest, metadata: { ...manifest.metadata, name: `${manifest.metadata.name}-${hash}` } };
  }
}
