import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import type { PodContainer, PodPart } from './pod.js';
import { renderResources } from './resources.js';
import type { Release } from './release.js';

/** Where the scripts are mounted. */
export const SCRIPTS_DIR = '/opt/airflow/scripts';

/** Name of the variable that `connection.py` reads the parts of the database URL from. */
export const DATABASE_ENV = {
  SCHEME: 'DATABASE_SCHEME',
  HOST: 'DATABASE_HOST',
  PORT: 'DATABASE_PORT',
  NAME: 'DATABASE_NAME',
  USER: 'DATABASE_USER',
  PASSWORD: 'DATABASE_PASSWORD',
  QUERY: 'DATABASE_QUERY',
} as const;

const CONNECTION = `"""Prints the database URL: user and password may hold any character, so they are percent-encoded here."""
import os
from urllib.parse import quote

env = os.environ
user, password = (quote(env[name], safe="") for name in ("${DATABASE_ENV.USER}", "${DATABASE_ENV.PASSWORD}"))
scheme, host, port, name = (env["DATABASE_" + part] for part in ("SCHEME", "HOST", "PORT", "NAME"))
query = env.get("${DATABASE_ENV.QUERY}", "")
print(f"{scheme}://{user}:{password}@{host}:{port}/{name}" + (f"?{query}" if query else ""), end="")
`;

// `airflow db check-migrations` does the same for 5 s of CPU per pod, most of it imports.
const WAIT = `"""wait.py SECONDS [PACKAGE=TABLE ...]: until the database answers and each version table holds the newest migration."""
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import sqlalchemy


def url():
    command = os.environ.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD")
    if command:
        return subprocess.check_output(shlex.split(command), text=True).strip()
    return os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]


def heads(package):
    """The migrations that no other one follows."""
    folders = (Path(entry, package, "migrations/versions") for entry in sys.path)
    folder = next((folder for folder in folders if folder.is_dir()), None)
    if folder is None:
        raise LookupError(f"no migrations of {package}")
    revisions, followed = set(), set()
    for file in folder.glob("*.py"):
        text = file.read_text()
        for pattern, into in ((r"^revision\\b.*", revisions), (r"^down_revision\\b.*", followed)):
            for line in re.findall(pattern, text, re.M):
                into.update(re.findall(r"[\\"']([^\\"']+)[\\"']", line))
    if not revisions - followed:
        raise LookupError(f"no newest migration of {package}")
    return revisions - followed


def main():
    seconds, wanted = int(sys.argv[1]), [argument.split("=") for argument in sys.argv[2:]]
    try:
        expected = {table: heads(package) for package, table in wanted}
        engine = sqlalchemy.create_engine(url(), poolclass=sqlalchemy.pool.NullPool)
    except (LookupError, ImportError, sqlalchemy.exc.ArgumentError) as error:
        if not wanted:
            raise
        print(f"{error}: asking Airflow itself", flush=True)
        os.execvp("airflow", ["airflow", "db", "check-migrations", "--migration-wait-timeout", str(seconds)])
    deadline, said = time.monotonic() + seconds, None
    while True:
        try:
            with engine.connect() as connection:
                waiting = "migrations"
                for table, newest in expected.items():
                    rows = connection.execute(sqlalchemy.text(f"SELECT version_num FROM {table}"))
                    current = {row[0] for row in rows}
                    if current != newest:
                        waiting = f"{table}: has {sorted(current)}, wants {sorted(newest)}"
                        break
                else:
                    return
        except sqlalchemy.exc.DBAPIError as error:
            waiting = str(error.orig).strip().splitlines()[0]
        if waiting != said:
            print(f"waiting: {waiting}", flush=True)
            said = waiting
        if time.monotonic() > deadline:
            sys.exit(f"not there after {seconds} s: {waiting}")
        time.sleep(1)


if __name__ == "__main__":
    main()
`;

// `airflow jobs check` does the same for 5 s of CPU a minute.
const ALIVE = `"""alive.py JOB_TYPE SECONDS: fails when this pod's job stopped to write its heartbeat. A database that is away is not its fault."""
import os
import sys
from datetime import datetime, timedelta, timezone

import sqlalchemy

from wait import url

engine = sqlalchemy.create_engine(url(), poolclass=sqlalchemy.pool.NullPool)
query = sqlalchemy.text(
    "SELECT max(latest_heartbeat) FROM job WHERE job_type = :type AND hostname LIKE :host AND state = 'running'"
)
try:
    with engine.connect() as connection:
        beat = connection.execute(query, {"type": sys.argv[1], "host": os.uname().nodename + "%"}).scalar()
except sqlalchemy.exc.DBAPIError as error:
    print(error)
    sys.exit(0)
if beat is not None:
    age = datetime.now(timezone.utc) - (beat if beat.tzinfo else beat.replace(tzinfo=timezone.utc))
    if age > timedelta(seconds=int(sys.argv[2])):
        sys.exit(f"the last heartbeat was {age.total_seconds():.0f} s ago")
`;

/** The ConfigMap `<release>-scripts`: small programs of the Airflow pods that need no import of Airflow. */
export class Scripts extends Construct {
  /** What a pod needs to run them. */
  public readonly part: PodPart;

  public constructor(scope: Construct, id: string, release: Release) {
    super(scope, id);
    const name = `${release.name}-scripts`;
    new ApiObject(this, 'Resource', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, labels: release.objectLabels('config') },
      data: { 'alive.py': ALIVE, 'connection.py': CONNECTION, 'wait.py': WAIT },
    });
    this.part = {
      volumes: [{ name: 'scripts', configMap: { name } }],
      mounts: [{ name: 'scripts', mountPath: SCRIPTS_DIR, readOnly: true }],
    };
  }
}

/** Seconds that pods wait for the database before their init container fails and starts over. */
const PATIENCE = 300;

/** A liveness probe by the heartbeat that a job of Airflow writes to the database every 5 s. */
export function heartbeatProbe(jobType: string): object {
  return {
    exec: { command: ['python', `${SCRIPTS_DIR}/alive.py`, jobType, '120'] },
    initialDelaySeconds: 60,
    periodSeconds: 60,
    timeoutSeconds: 30,
    failureThreshold: 3,
  };
}

/** The command that waits until the database answers. */
export function waitForDatabaseCommand(): string {
  return `python ${SCRIPTS_DIR}/wait.py ${PATIENCE}`;
}

/** The init container that holds a pod back until the database has been migrated to its image's Airflow. */
export function waitForMigrations(release: Release): PodContainer {
  const tables = ['airflow=alembic_version'];
  // FAB keeps its users in tables, and migrations, of its own.
  if (release.config.get('core', 'auth_manager').includes('.fab.'))
    tables.push('airflow/providers/fab=alembic_version_fab');
  return {
    name: 'wait-for-airflow-migrations',
    args: ['python', `${SCRIPTS_DIR}/wait.py`, String(PATIENCE), ...tables],
    env: [...(release.commonPart().env ?? []), ...release.database.env],
    volumeMounts: [...(release.commonPart().mounts ?? [])],
    resources: renderResources({ cpu: '10m', memory: '64Mi' }),
  };
}
