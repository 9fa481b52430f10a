import { Construct } from 'constructs';
import { isAirflow2, isSupported, SUPPORTED_AIRFLOW } from './airflow-version.js';
import type { PodOptions } from './component-options.js';
import { DagProcessor, type DagProcessorOptions } from './dag-processor.js';
import { Dags } from './dags.js';
import { Database } from './database.js';
import { DatabaseCleanup, type DatabaseCleanupOptions } from './database-cleanup.js';
import { Executor } from './executor.js';
import { FirstUser, type FirstUserOptions } from './first-user.js';
import type { KeysProps } from './keys.js';
import { LogCleanup } from './log-cleanup.js';
import { Logs } from './logs.js';
import { Migrations, type MigrationsOptions } from './migrations.js';
import { Release } from './release.js';
import { Scheduler, type SchedulerOptions } from './scheduler.js';
import { Tasks } from './tasks.js';
import { Triggerer, type TriggererOptions } from './triggerer.js';
import { Checks } from './validation.js';
import { DEFAULT_AIRFLOW_VERSION, VERSION } from './version.js';
import { Webserver, type WebserverOptions } from './webserver.js';

/** When the kubelet pulls an image. */
export enum ImagePullPolicy {
  ALWAYS = 'Always',
  IF_NOT_PRESENT = 'IfNotPresent',
  NEVER = 'Never',
}

/** Props of `Airflow`. Every one has a default that works. */
export interface AirflowProps {
  /** Prefix of every object's name and value of the label `release`. @default - The id of the construct. */
  readonly name?: string;
  /** Image of every Airflow container. @default 'docker.io/cdk8s-airflow/airflow:<airflowVersion>-<version of this package>' */
  readonly image?: string;
  /** @default ImagePullPolicy.IF_NOT_PRESENT */
  readonly imagePullPolicy?: ImagePullPolicy;
  /** Names of Secrets with registry credentials. @default - None. */
  readonly imagePullSecrets?: string[];
  /** Version of the Airflow in the image: of Airflow 3, or 2.11. @default '3.3.2' */
  readonly airflowVersion?: string;
  /** @default Executor.kubernetes() */
  readonly executor?: Executor;
  /** @default Database.embedded() */
  readonly database?: Database;
  /** @default Dags.baked() */
  readonly dags?: Dags;
  /** @default Logs.ephemeral() */
  readonly logs?: Logs;
  /** @default - Created once, in the cluster. */
  readonly keys?: KeysProps;
  /** Options of airflow.cfg by section, over those of this library; `%` is written `%%`. @default - None. */
  readonly config?: { [section: string]: { [option: string]: string } };
  /** Labels of every object and pod. @default - None but the stack's own. */
  readonly labels?: { [key: string]: string };
  /** Of the pods of every component below, whose own options go over it. @default - Nothing. */
  readonly components?: PodOptions;
  readonly scheduler?: SchedulerOptions;
  readonly webserver?: WebserverOptions;
  /** @default - One with Airflow 3; with Airflow 2 none, unless this is given: the scheduler parses the DAGs. */
  readonly dagProcessor?: DagProcessorOptions;
  readonly triggerer?: TriggererOptions;
  readonly migrations?: MigrationsOptions;
  readonly firstUser?: FirstUserOptions;
  /** Removes old rows from the metadata database, if only as `{}`. @default - None. */
  readonly databaseCleanup?: DatabaseCleanupOptions;
}

/** A whole Airflow. The chart that it is in must have a namespace. */
export class Airflow extends Construct {
  public readonly release: Release;
  public readonly scheduler: Scheduler;
  public readonly webserver: Webserver;
  /** Not there with Airflow 2, unless it is asked for. */
  public readonly dagProcessor?: DagProcessor;
  public readonly triggerer: Triggerer;
  public readonly migrations: Migrations;
  /** What tasks may do in the cluster: nothing, unless it is allowed here. */
  public readonly tasks: Tasks;
  /** Not there when `firstUser.enabled` is false. */
  public readonly firstUser?: FirstUser;
  /** Not there unless it is asked for. */
  public readonly databaseCleanup?: DatabaseCleanup;
  /** Not there unless the logs have a retention. */
  public readonly logCleanup?: LogCleanup;

  public constructor(scope: Construct, id: string, props: AirflowProps = {}) {
    super(scope, id);
    const name = props.name ?? id;
    const airflowVersion = props.airflowVersion ?? DEFAULT_AIRFLOW_VERSION;
    this.check(name, airflowVersion, props);
    const release = new Release(this, 'release', {
      name,
      image: props.image ?? `docker.io/cdk8s-airflow/airflow:${airflowVersion}-${VERSION}`,
      imagePullPolicy: props.imagePullPolicy ?? ImagePullPolicy.IF_NOT_PRESENT,
      pullSecrets: props.imagePullSecrets ?? [],
      airflowVersion,
      labels: props.labels ?? {},
      keys: props.keys ?? {},
      executor: props.executor ?? Executor.kubernetes(),
      database: props.database ?? Database.embedded(),
      dags: props.dags ?? Dags.baked(),
      logs: props.logs ?? Logs.ephemeral(),
      config: props.config ?? {},
      podDefaults: props.components ?? {},
      parsesInScheduler: isAirflow2(airflowVersion) && props.dagProcessor === undefined,
    });
    this.release = release;
    this.migrations = new Migrations(this, 'migrations', { release, ...props.migrations });
    if (props.firstUser?.enabled ?? true)
      this.firstUser = new FirstUser(this, 'first-user', { release, ...props.firstUser });
    this.webserver = new Webserver(this, 'webserver', { release, ...props.webserver });
    this.scheduler = new Scheduler(this, 'scheduler', { release, ...props.scheduler });
    if (!release.parsesInScheduler)
      this.dagProcessor = new DagProcessor(this, 'dag-processor', { release, ...props.dagProcessor });
    this.triggerer = new Triggerer(this, 'triggerer', { release, ...props.triggerer });
    if (props.databaseCleanup)
      this.databaseCleanup = new DatabaseCleanup(this, 'database-cleanup', { release, ...props.databaseCleanup });
    const retention = props.logs?.retention;
    if (retention) this.logCleanup = new LogCleanup(this, 'log-cleanup', { release, retention });
    this.tasks = new Tasks(this, 'tasks', { release, triggerer: this.triggerer });
  }

  private check(name: string, airflowVersion: string, props: AirflowProps): void {
    const checks = new Checks(this);
    // The longest name made of it is `<name>-run-airflow-migrations-<8 characters>`, and a Job's name becomes a label.
    checks.dnsLabel('name', name, 63 - '-run-airflow-migrations-12345678'.length);
    if (/^[0-9]/.test(name)) checks.report('name', name, 'must begin with a letter: Services are named after it');
    checks.labels('labels', props.labels);
    checks.notEmpty('image', props.image, 'the name of an image; leave it out for the default');
    if (!isSupported(airflowVersion)) checks.report('airflowVersion', airflowVersion, SUPPORTED_AIRFLOW);
    if (isAirflow2(airflowVersion) && props.keys?.jwtSecret !== undefined)
      checks.report('keys.jwtSecret', props.keys.jwtSecret.secretName, 'must be left out: Airflow 2 has no such key');
    for (const secret of props.imagePullSecrets ?? []) checks.dnsName('imagePullSecrets', secret);
    const reserved = ['tier', 'component', 'release'];
    for (const key of Object.keys(props.labels ?? {}).filter((label) => reserved.includes(label))) {
      checks.report(`labels.${key}`, props.labels?.[key], 'must be left out: pods are selected by it');
    }
  }
}
