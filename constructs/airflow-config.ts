import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { PATHS, PORTS } from './contract.js';
import type { PodPart } from './pod.js';
import type { Release } from './release.js';
import { Checks } from './validation.js';
import { lazy } from './lazy.js';

/** What every Airflow of this library starts from; `config` of `Airflow` has the last word. */
const DEFAULTS: { [section: string]: { [option: string]: string } } = {
  core: {
    auth_manager: 'airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager',
    load_examples: 'False',
    // A file that changes twice within this time waits for the next round of parsing: 30 (the default) is too long.
    min_serialized_dag_update_interval: '5',
  },
  api: { workers: '1' },
  dag_processor: {
    // A new file is listed within 15 s (refresh_interval + check interval) and parsed right after that.
    refresh_interval: '10',
    bundle_refresh_check_interval: '5',
    min_file_process_interval: '30',
    dag_file_processor_timeout: '50',
  },
  // Each pod has waited for the migrations in its init container.
  database: { check_migrations: 'False' },
  logging: {
    base_log_folder: PATHS.LOGS,
    dag_processor_child_process_log_directory: `${PATHS.LOGS}/dag_processor`,
    colored_console_log: 'False',
    remote_logging: 'False',
  },
  scheduler: {
    enable_health_check: 'True',
    scheduler_health_check_server_port: String(PORTS.SCHEDULER_HEALTH),
    scheduler_heartbeat_sec: '5',
    job_heartbeat_sec: '5',
    // A scheduler that died without a word is noticed after 30 s; another one adopts its tasks within 20 s more.
    scheduler_health_check_threshold: '30',
    orphaned_tasks_check_interval: '20',
  },
  usage_data_collection: { enabled: 'False' },
};

function omit(options: { [option: string]: string } = {}, left: string): { [option: string]: string } {
  return Object.fromEntries(Object.entries(options).filter(([option]) => option !== left));
}

/** The same for Airflow 2. */
function defaultsOfAirflow2(parsesInScheduler: boolean): typeof DEFAULTS {
  const { core, database, logging, scheduler, usage_data_collection } = DEFAULTS;
  const folder = `${PATHS.LOGS}/dag_processor`;
  const backends = ['session', 'basic_auth'].map(
    (name) => `airflow.providers.fab.auth_manager.api.auth.backend.${name}`,
  );
  return {
    ...{ database: database ?? {}, usage_data_collection: usage_data_collection ?? {} },
    core: { ...omit(core, 'auth_manager'), dag_file_processor_timeout: '50' },
    // Users log in to the API by name and password, as to the UI.
    api: { auth_backends: backends.join(',') },
    logging: {
      ...omit(logging, 'dag_processor_child_process_log_directory'),
      dag_processor_manager_log_location: `${folder}/manager.log`,
    },
    scheduler: {
      ...scheduler,
      standalone_dag_processor: parsesInScheduler ? 'False' : 'True',
      child_process_log_directory: folder,
      // A new file is listed within 10 s and parsed right after that.
      dag_dir_list_interval: '10',
      min_file_process_interval: '30',
    },
    webserver: { workers: '1' },
  };
}

/** The ConfigMap `<release>-config` with airflow.cfg, in the stack's namespace and in each that tasks run in. */
export class AirflowConfig extends Construct {
  /** Mounts airflow.cfg. */
  public readonly part: PodPart;

  private readonly sections: { [section: string]: { [option: string]: string } } = {};

  public constructor(
    scope: Construct,
    id: string,
    private readonly release: Release,
  ) {
    super(scope, id);
    const name = `${release.name}-config`;
    this.merge(release.isAirflow2 ? defaultsOfAirflow2(release.parsesInScheduler) : DEFAULTS);
    this.part = {
      volumes: [{ name: 'config', configMap: { name } }],
      mounts: [
        { name: 'config', mountPath: `${PATHS.AIRFLOW_HOME}/airflow.cfg`, subPath: 'airflow.cfg', readOnly: true },
      ],
    };
    for (const namespace of release.namespaces) {
      new ApiObject(this, namespace === release.namespace ? 'Resource' : `Resource-${namespace}`, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace, labels: release.objectLabels('config') },
        data: lazy(() => ({ 'airflow.cfg': this.text() })),
      });
    }
  }

  /** Sets an option; the last one wins. `%` is written `%%`, as in airflow.cfg. */
  public set(section: string, option: string, value: string): void {
    const checks = new Checks(this.release.scope);
    const prop = `config.${section}.${option}`;
    if (!/^[A-Za-z0-9_.-]+$/.test(section))
      checks.report(prop, section, 'must be in a section named as in airflow.cfg');
    if (!/^[A-Za-z0-9_.-]+$/.test(option)) checks.report(prop, option, 'must be an option named as in airflow.cfg');
    if (value.replaceAll('%%', '').includes('%')) {
      checks.report(prop, value, "must write '%' as '%%': airflow.cfg interpolates");
    }
    (this.sections[section] ??= {})[option] = value;
  }

  /** Sets an option unless it has been set. */
  public setDefault(section: string, option: string, value: string): void {
    if (this.get(section, option) === '') this.set(section, option, value);
  }

  /** Sets several options. */
  public merge(sections: { [section: string]: { [option: string]: string } }): void {
    for (const [section, options] of Object.entries(sections)) {
      for (const [option, value] of Object.entries(options)) this.set(section, option, value);
    }
  }

  /** The value of an option that has been set, or an empty string. */
  public get(section: string, option: string): string {
    return this.sections[section]?.[option] ?? '';
  }

  /** airflow.cfg, sorted, so that the order of calls does not matter. */
  public text(): string {
    const sorted = (entries: object): [string, unknown][] =>
      Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1));
    return sorted(this.sections)
      .map(([section, options]) => {
        // An indented line continues the one before it.
        const lines = sorted(options as object).map(
          ([option, value]) => `${option} = ${String(value).replaceAll('\n', '\n  ')}`,
        );
        return `[${section}]\n${lines.join('\n')}\n`;
      })
      .join('\n');
  }
}
