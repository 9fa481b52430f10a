import type { Size } from 'cdk8s';
import type { Construct } from 'constructs';
import { PORTS } from './contract.js';
import type { CreatedSecrets } from './created-secrets.js';
import { type EnvVar, fromSecret } from './pod.js';
import { Postgres } from './postgres.js';
import type { Release } from './release.js';
import type { Resources } from './resources.js';
import { DATABASE_ENV, SCRIPTS_DIR } from './scripts.js';
import type { SecretRef } from './secret-ref.js';
import { Checks } from './validation.js';

/** Options of `Database.embedded`. */
export interface EmbeddedDatabaseOptions {
  /** @default Size.gibibytes(8) */
  readonly storage?: Size;
  /** @default - The cluster's default class. */
  readonly storageClass?: string;
  /** Major version of Postgres; of a running database it must not change. @default '17' */
  readonly version?: string;
  /** @default 'docker.io/library/postgres:<version>' */
  readonly image?: string;
  /** Password of the user `postgres`. @default - `<release>-postgresql`, key `postgres-password`, is created. */
  readonly password?: SecretRef;
  /** @default - 50m CPU, 128 MiB. */
  readonly resources?: Resources;
}

/** Options of `Database.external`: either `connection` or host, user and password. */
export interface ExternalDatabaseOptions {
  /** A whole SQLAlchemy URL. @default - Put together from the other props. */
  readonly connection?: SecretRef;
  /** @default - None: `connection` is given. */
  readonly host?: string;
  /** @default 5432 */
  readonly port?: number;
  /** Name of the database. @default 'airflow' */
  readonly database?: string;
  /** Any characters; percent-encoded in the pod. @default - None: `connection` is given. */
  readonly user?: SecretRef;
  /** Any characters; percent-encoded in the pod. @default - None: `connection` is given. */
  readonly password?: SecretRef;
  /** Driver in SQLAlchemy's form. @default 'postgresql' */
  readonly scheme?: string;
  /** What follows the `?`, e.g. `sslmode=require`. @default - Nothing. */
  readonly query?: string;
}

/** How pods reach the metadata database. */
export interface DatabaseBinding {
  /** For those components that may: never for the pods of tasks. */
  readonly env: EnvVar[];
}

/** Airflow's metadata database. */
export abstract class Database {
  /** A Postgres of the stack's own, one pod with one volume. */
  public static embedded(options: EmbeddedDatabaseOptions = {}): Database {
    return new EmbeddedDatabase(options);
  }

  /** One that somebody else runs. */
  public static external(options: ExternalDatabaseOptions): Database {
    return new ExternalDatabase(options);
  }

  /** Makes the objects that are needed, and says how to connect. */
  public abstract bind(scope: Construct, release: Release, secrets: CreatedSecrets): DatabaseBinding;
}

const CONNECTION = 'AIRFLOW__DATABASE__SQL_ALCHEMY_CONN';

class EmbeddedDatabase extends Database {
  public constructor(private readonly options: EmbeddedDatabaseOptions) {
    super();
  }

  public bind(scope: Construct, release: Release, secrets: CreatedSecrets): DatabaseBinding {
    const { password } = this.options;
    const postgres = new Postgres(scope, 'postgresql', { ...this.options, release, secrets });
    if (password) return connect({ user: 'postgres', password, host: postgres.host, database: 'postgres' });
    const name = `${release.name}-metadata`;
    const { secretName, key } = postgres.password;
    secrets.add(name, {
      connection: {
        template: `postgresql://postgres:\${${secretName}/${key}}@${postgres.host}:${PORTS.POSTGRES}/postgres`,
      },
    });
    return { env: [fromSecret(CONNECTION, name, 'connection')] };
  }
}

class ExternalDatabase extends Database {
  public constructor(private readonly options: ExternalDatabaseOptions) {
    super();
  }

  public bind(_scope: Construct, release: Release): DatabaseBinding {
    const { connection, host, user, password, port, database, scheme, query } = this.options;
    const checks = new Checks(release.scope, 'database.');
    checks.integer('port', port, 1, 65535);
    checks.notEmpty('database', database, "the name of a database; leave it out for 'airflow'");
    if (connection) {
      for (const [prop, value] of Object.entries({ host, user, password, port, database, scheme, query })) {
        if (value !== undefined) checks.report(prop, value, "must be left out: 'connection' says it all");
      }
      return { env: [fromSecret(CONNECTION, connection.secretName, connection.key)] };
    }
    checks.notEmpty('host', host, 'the host name of the database');
    for (const [prop, value] of Object.entries({ host, user, password })) {
      if (value === undefined) checks.report(prop, value, "must be given, or 'connection' instead of it");
    }
    if (host === undefined || !user || !password) return { env: [] };
    return connect({ user, password, host, port, database, scheme, query });
  }
}

interface Connection {
  readonly user: SecretRef | string;
  readonly password: SecretRef;
  readonly host: string;
  readonly port?: number;
  readonly database?: string;
  readonly scheme?: string;
  readonly query?: string;
}

/** Airflow runs a `_CMD` to get a sensitive option: so a password may hold any character, and a changed one is picked up. */
function connect(to: Connection): DatabaseBinding {
  const user =
    typeof to.user === 'string'
      ? { name: DATABASE_ENV.USER, value: to.user }
      : fromSecret(DATABASE_ENV.USER, to.user.secretName, to.user.key);
  return {
    env: [
      { name: `${CONNECTION}_CMD`, value: `python ${SCRIPTS_DIR}/connection.py` },
      { name: DATABASE_ENV.SCHEME, value: to.scheme ?? 'postgresql' },
      { name: DATABASE_ENV.HOST, value: to.host },
      { name: DATABASE_ENV.PORT, value: String(to.port ?? PORTS.POSTGRES) },
      { name: DATABASE_ENV.NAME, value: to.database ?? 'airflow' },
      ...(to.query === undefined ? [] : [{ name: DATABASE_ENV.QUERY, value: to.query }]),
      user,
      fromSecret(DATABASE_ENV.PASSWORD, to.password.secretName, to.password.key),
    ],
  };
}
