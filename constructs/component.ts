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
import { type ComponentOptions, withDefaults } from './component-options.js';
import { disruptionBudget } from './disruption-budget.js';
import type { Release } from './release.js';
import { checkResources, renderResources, type Requests } from './resources.js';
import { sha256 } from './hash.js';
import { waitForMigrations } from './scripts.js';
import { Checks } from './validation.js';
import { lazy } from './lazy.js';

/** How a component differs from the others; for subclasses of `Component`. */
export interface ComponentShape {
  readonly release: Release;
  /** Value of the label `component` and suffix of the object name. */
  readonly component: string;
  /** Name of the API object. @default - `<release>-<component>`. */
  readonly objectName?: string;
  /** `Deployment`, `StatefulSet`, `Job` or `CronJob`. */
  readonly kind: string;
  /** `spec` of the workload without selector and pod template; of a CronJob without its Job. */
  readonly spec: object;
  /** How many pods there are at least. @default 1 */
  readonly replicas?: number;
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
  /** @default - Always (Jobs, CronJobs: OnFailure). */
  readonly restartPolicy?: string;
  /** @default - The cluster's 30 seconds. */
  readonly terminationGracePeriodSeconds?: number;
  readonly options: ComponentOptions;
}

/** A part of Airflow that runs in pods of its own, under a service account of its own. */
export abstract class Component extends Construct {
  /** Name of the Deployment, StatefulSet, CronJob or Job (of a Job without its hash). */
  public readonly name: string;
  /** The service account of the pods; it has no rights unless a Role says so. */
  public readonly serviceAccountName: string;
  /** The Deployment, StatefulSet, Job or CronJob. */
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
    const { release, component, kind } = shape;
    const options = withDefaults(release.podDefaults, shape.options);
    this.shape = { ...shape, options };
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
      apiVersion: endsByItself(kind) ? 'batch/v1' : 'apps/v1',
      kind,
      metadata: { name: this.name, labels: release.objectLabels(component) },
      spec: lazy(() => this.workloadSpec()),
    });
    const { disruptionBudget: budget } = options;
    if (budget && endsByItself(kind))
      this.checks.report('disruptionBudget', budget, 'must be left out: the pods of a Job end');
    else if (budget)
      disruptionBudget(
        this,
        { release, component, name: this.name, replicas: shape.replicas ?? 1 },
        budget,
        this.checks,
      );
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

  /** Changes the finished Deployment, StatefulSet, Job or CronJob: for what no prop offers. */
  public patch(...operations: JsonPatch[]): void {
    this.workload.addJsonPatch(...operations);
  }

  private workloadSpec(): object {
    const { release, component, kind, spec } = this.shape;
    const template = this.podTemplate();
    switch (kind) {
      case 'Job':
        // A day to look at it; run again, it finds its work done. It gets its selector from the API server.
        return { ttlSecondsAfterFinished: 86400, ...spec, template };
      case 'CronJob':
        return { ...spec, jobTemplate: { spec: { backoffLimit: 2, template } } };
      default:
        return { ...spec, selector: { matchLabels: release.selector(component) }, template };
    }
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
        restartPolicy: this.shape.restartPolicy ?? (endsByItself(kind) ? 'OnFailure' : undefined),
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

function endsByItself(kind: string): boolean {
  return kind === 'Job' || kind === 'CronJob';
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
