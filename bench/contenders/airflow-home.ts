import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { scratchFolder } from '../scratch.js';

const DATABASE = 'airflow.db';

/** A migrated metadata database (SQLite), made once, of which every run of an executor gets a fresh copy. */
export class AirflowHome {
  private readonly folder = scratchFolder('airflow');
  private runs = 0;

  constructor(readonly python: string) {}

  async migrate(): Promise<void> {
    await execa(this.python, [script('migrate.py')], { env: this.environment(this.folder), extendEnv: false });
  }

  /** @returns the environment of a new run: a home and a database of its own, this pod template, no example DAGs */
  fresh(template: string): Record<string, string> {
    const home = join(this.folder, `run-${(this.runs += 1)}`);
    mkdirSync(home);
    copyFileSync(join(this.folder, DATABASE), join(home, DATABASE));
    const templateFile = join(home, 'pod_template.yaml');
    writeFileSync(templateFile, template);
    return {
      ...this.environment(home),
      AIRFLOW__CORE__PARALLELISM: '100000',
      AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE: templateFile,
    };
  }

  private environment(home: string): Record<string, string> {
    return {
      PATH: process.env.PATH ?? '',
      HOME: home,
      AIRFLOW_HOME: home,
      PYTHONDONTWRITEBYTECODE: '1',
      AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: `sqlite:///${join(home, DATABASE)}`,
      AIRFLOW__CORE__LOAD_EXAMPLES: 'False',
      AIRFLOW__API_AUTH__JWT_SECRET: 'only-for-the-benchmark-only-for-the-benchmark-only-for-the-bench',
      AIRFLOW__LOGGING__LOGGING_LEVEL: 'WARNING',
      PYTHONPATH: resolve('python/src'),
    };
  }
}

/** Path of one of the benchmark's Python files. */
export function script(name: string): string {
  return resolve('bench/executors', name);
}
