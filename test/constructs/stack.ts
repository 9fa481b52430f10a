import { App, Chart } from 'cdk8s';
import {
  Airflow,
  type AirflowProps,
  type PodContainer,
  type PodVolume,
  ValidationError,
} from '../../constructs/index.js';

/** A manifest as far as the tests look into it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    name: string;
    namespace?: string;
    labels: Record<string, string>;
    annotations?: Record<string, string>;
  };
  readonly data: Record<string, string>;
  readonly rules: { resources: string[]; verbs: string[]; resourceNames?: string[] }[];
  readonly subjects: { kind: string; name: string; namespace: string }[];
  readonly automountServiceAccountToken?: boolean;
  readonly spec: Record<string, unknown> & { template: PodTemplate };
}

export interface PodTemplate {
  readonly metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  readonly spec: PodSpec;
}

export interface PodSpec {
  readonly containers: PodContainer[];
  readonly initContainers?: PodContainer[];
  readonly volumes?: PodVolume[];
  readonly affinity?: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: object[] } };
  readonly automountServiceAccountToken?: boolean;
  readonly [field: string]: unknown;
}

/** The objects of one stack, found by kind and name. */
export class Stack {
  public readonly airflow: Airflow;
  private readonly chart: Chart;

  public constructor(props: AirflowProps = {}, namespace: string | undefined = 'airflow') {
    this.chart = new Chart(new App(), 'chart', { namespace });
    this.airflow = new Airflow(this.chart, 'airflow', props);
  }

  public manifests(): Manifest[] {
    return this.chart.toJson() as Manifest[];
  }

  public text(): string {
    return JSON.stringify(this.manifests(), null, 2);
  }

  public all(kind: string): Manifest[] {
    return this.manifests().filter((manifest) => manifest.kind === kind);
  }

  /** The object of that kind whose name is this one, or begins with it (Jobs end in a hash). */
  public get(kind: string, name: string): Manifest {
    const found = this.all(kind)
      .filter(({ metadata }) => metadata.name === name || (kind === 'Job' && metadata.name.startsWith(name)))
      .filter(({ metadata }) => metadata.namespace === this.airflow.release.namespace);
    if (found.length !== 1 || !found[0]) throw new Error(`${found.length} objects ${kind}/${name}`);
    return found[0];
  }

  public pod(kind: string, name: string): PodSpec {
    return this.get(kind, name).spec.template.spec;
  }

  /** All pod templates by the name of their workload. */
  public pods(): [string, PodTemplate][] {
    return this.manifests()
      .filter((manifest) => ['Deployment', 'StatefulSet', 'Job'].includes(manifest.kind))
      .map((manifest) => [manifest.metadata.name, manifest.spec.template]);
  }

  /** The problems that synth throws. */
  public problems(): string[] {
    try {
      this.manifests();
    } catch (error) {
      if (error instanceof ValidationError) return error.message.split('\n  ').slice(1);
      throw error;
    }
    return [];
  }
}

export function container(pod: PodSpec, name: string): PodContainer {
  const found = [...pod.containers, ...(pod.initContainers ?? [])].find((each) => each.name === name);
  if (!found) throw new Error(`no container ${name}`);
  return found;
}

export function envNames(of: PodContainer): string[] {
  return (of.env ?? []).map(({ name }) => name).sort();
}

export function envValue(of: PodContainer, name: string): string | undefined {
  return of.env?.find((variable) => variable.name === name)?.value;
}

export function mountNames(of: PodContainer): string[] {
  return (of.volumeMounts ?? []).map(({ name }) => name).sort();
}
