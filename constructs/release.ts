import { Chart } from 'cdk8s';
import { Construct } from 'constructs';
import { isAirflow2 } from './airflow-version.js';
import { AirflowConfig } from './airflow-config.js';
import type { PodOptions } from './component-options.js';
import { CreatedSecrets } from './created-secrets.js';
import type { Dags } from './dags.js';
import type { DagsBinding } from './dags-binding.js';
import type { Database, DatabaseBinding } from './database.js';
import type { Executor } from './executor.js';
import type { ExecutorBinding } from './executor-binding.js';
import { checkAlias, executorLabel } from './executor-names.js';
import { Keys, type KeysProps } from './keys.js';
import type { Logs } from './logs.js';
import { joinParts, type PodPart } from './pod.js';
import { Scripts } from './scripts.js';
import { Checks, claimKey } from './validation.js';

/** Props of `Release`; `Airflow` fills the defaults in. */
export interface ReleaseProps {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy: string;
  readonly pullSecrets: string[];
  readonly airflowVersion: string;
  readonly labels: { [key: string]: string };
  readonly keys: KeysProps;
  readonly executor: Executor;
  readonly database: Database;
  readonly dags: Dags;
  readonly logs: Logs;
  /** Options of airflow.cfg by section, over all others. */
  readonly config: { [section: string]: { [option: string]: string } };
  /** Whether the scheduler parses the DAGs itself. */
  readonly parsesInScheduler: boolean;
  /** Of the pods of all components. */
  readonly podDefaults: PodOptions;
}

/** What all components of one Airflow share: names, image, keys, database, DAGs, logs, executor, airflow.cfg. */
export class Release extends Construct {
  /** Prefix of every object's name, value of the label `release`. */
  public readonly name: string;
  public readonly namespace: string;
  /** Namespaces of tasks and the stack's own, without repeats. */
  public readonly namespaces: string[];
  public readonly image: string;
  public readonly imagePullPolicy: string;
  public readonly airflowVersion: string;
  /** Whether it is an Airflow 2. */
  public readonly isAirflow2: boolean;
  /** Whether the scheduler parses the DAGs itself, as Airflow 2 can. */
  public readonly parsesInScheduler: boolean;
  /** Component that serves UI and API: `api-server`, with Airflow 2 `webserver`. */
  public readonly webComponent: string;
  /** The user's labels, on every object and pod. */
  public readonly labels: { [key: string]: string };
  /** What is said of the pods of all components. */
  public readonly podDefaults: PodOptions;
  /** Whether a log outlives its pod. */
  public readonly persistentLogs: boolean;
  /** The construct whose props the user wrote: problems are reported under its path. */
  public readonly scope: Construct;
  /** The Secrets that are created once, in the cluster. */
  public readonly secrets: CreatedSecrets;
  public readonly keys: Keys;
  public readonly database: DatabaseBinding;
  public readonly dags: DagsBinding;
  public readonly logs: PodPart;
  public readonly executor: ExecutorBinding;
  public readonly config: AirflowConfig;

  /** Service accounts of tasks that have been granted something. */
  private readonly granted = new Set<string>();
  private readonly scripts: Scripts;
  private readonly pullSecrets: string[];
  private readonly executorClass: string;

  public constructor(scope: Construct, id: string, props: ReleaseProps) {
    super(scope, id);
    this.scope = scope;
    this.name = props.name;
    this.image = props.image;
    this.imagePullPolicy = props.imagePullPolicy;
    this.airflowVersion = props.airflowVersion;
    this.isAirflow2 = isAirflow2(props.airflowVersion);
    this.parsesInScheduler = props.parsesInScheduler;
    this.webComponent = this.isAirflow2 ? 'webserver' : 'api-server';
    this.labels = props.labels;
    this.podDefaults = props.podDefaults;
    this.pullSecrets = props.pullSecrets;
    this.persistentLogs = props.logs.persistent;
    this.executorClass = props.executor.coreExecutor();
    const { namespace } = Chart.of(this);
    if (namespace === undefined) {
      new Checks(scope).report(
        'namespace',
        undefined,
        "must be set on the chart: new Chart(app, 'airflow', { namespace: 'airflow' })",
      );
    }
    this.namespace = namespace ?? 'default';
    this.namespaces = [...new Set([this.namespace, ...props.executor.namespaces(this.namespace)])];
    // Two stacks of one name may share no namespace: their objects, or the labels of their tasks' pods, would be the same.
    for (const each of this.namespaces) {
      const other = claimKey(scope, `${each}/${this.name}`);
      if (other !== undefined)
        new Checks(scope).report(
          'name',
          this.name,
          `must differ from that of ${other}: both use the namespace ${each}`,
        );
    }

    this.scripts = new Scripts(this, 'scripts', this);
    this.config = new AirflowConfig(this, 'config', this);
    this.secrets = new CreatedSecrets(this, 'secrets', this);
    this.keys = new Keys(this, 'keys', this, this.secrets, props.keys);
    this.database = props.database.bind(this, this, this.secrets);
    this.logs = props.logs.bind(this, this);
    this.dags = props.dags.bind(this, this);
    checkAlias(this, props.executor);
    this.executor = props.executor.bind(this, this);
    this.config.merge({
      core: {
        executor: this.executorClass,
        dags_folder: this.dags.folder,
      },
    });
    this.config.merge(this.executor.config);
    this.config.merge(props.config);
  }

  /** Labels that the workload of a component selects its pods by; they never change. */
  public selector(component: string): { [key: string]: string } {
    return { tier: 'airflow', component, release: this.name };
  }

  /** Labels of an object. */
  public objectLabels(component: string): { [key: string]: string } {
    return {
      ...this.labels,
      ...this.selector(component),
      executor: executorLabel(this.executorClass),
      heritage: 'cdk8s-airflow',
    };
  }

  /** What every pod that runs Airflow code needs; environment included. */
  public commonPart(): PodPart {
    return joinParts(this.config.part, this.scripts.part, {
      env: [{ name: 'CONNECTION_CHECK_MAX_COUNT', value: '0' }],
    });
  }

  /** The pods of tasks that run under this service account get its token. */
  public giveToken(serviceAccountName: string): void {
    this.granted.add(serviceAccountName);
  }

  /** Do the pods of tasks that run under this service account get its token? */
  public givesToken(serviceAccountName: string): boolean {
    return this.granted.has(serviceAccountName);
  }

  /** `imagePullSecrets` of a pod. */
  public imagePullSecrets(): object[] | undefined {
    return this.pullSecrets.length > 0 ? this.pullSecrets.map((name) => ({ name })) : undefined;
  }
}
