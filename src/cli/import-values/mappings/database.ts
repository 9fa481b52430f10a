import { Call, compact, type DataMap, secretRef } from '../expression.js';
import { sizeOf } from '../quantities.js';
import type { Values } from '../values.js';
import type { Mapping } from './mapping.js';
import { resourcesOf } from './pods.js';

/** The metadata database: a Secret, a connection in plain, or the Postgres in the cluster. */
export const database: Mapping = (values) => {
  const embedded = values.flag('postgresql.enabled') ?? true;
  const named = values.text('data.metadataSecretName');
  if (named !== undefined || !embedded || values.has('data.metadataConnection.host')) leavePostgres(values);
  if (named !== undefined) {
    values.leave('data.metadataConnection', "the chart does not read it either: 'data.metadataSecretName' is given");
    return { props: { database: new Call('Database', 'external', { connection: secretRef(named, 'connection') }) } };
  }
  if (!embedded || values.has('data.metadataConnection.host')) return { props: { database: plainConnection(values) } };
  values.leave('data.metadataConnection', 'user, password and database of the Postgres in the cluster are its own');
  const options = postgres(values.at('postgresql'));
  return { props: { database: options === undefined ? undefined : new Call('Database', 'embedded', options) } };
};

function leavePostgres(values: Values): void {
  for (const key of values.keys('postgresql').filter((each) => each !== 'enabled'))
    values.leave(`postgresql.${key}`, 'the database is another one');
}

function plainConnection(values: Values): Call {
  const secret = `${values.release}-metadata`;
  const bouncer = values.peek('pgbouncer.enabled') === true ? ', without PgBouncer' : '';
  if (!values.has('data.metadataConnection.host'))
    values.refuse(
      'postgresql.enabled',
      "without it, 'data.metadataConnection' or 'data.metadataSecretName' must be given",
    );
  values.remark(
    'data.metadataConnection',
    `holds a password: the URL of the database${bouncer} is read from the Secret '${secret}', key 'connection', which the chart has made; ` +
      'it must be there',
  );
  return new Call('Database', 'external', { connection: secretRef(secret, 'connection') });
}

/** The subchart's Postgres; its volume is not taken over. */
function postgres(values: Values): DataMap | undefined {
  const primary = values.at('primary');
  const storage = primary.text('persistence.size');
  const size = storage === undefined ? undefined : sizeOf(storage);
  if (storage !== undefined && size === undefined)
    primary.refuse('persistence.size', `must be a size such as 8Gi, not '${storage}'`);
  values.leave(
    'image',
    "the library's is docker.io/library/postgres: 'version' or 'image' of Database.embedded choose another one",
  );
  return compact({
    storage: size,
    storageClass: primary.text('persistence.storageClass'),
    password: postgresPassword(values.at('auth')),
    resources: resourcesOf(primary),
  });
}

function postgresPassword(auth: Values): Call | undefined {
  const existing = auth.text('existingSecret');
  const key = auth.text('secretKeys.adminPasswordKey') ?? 'postgres-password';
  if (existing !== undefined) return secretRef(existing, key);
  const password = auth.text('postgresPassword');
  // The chart's default is no secret: a password is made in its place.
  if (password === undefined || password === 'postgres') return undefined;
  const secret = `${auth.release}-postgresql`;
  auth.remark(
    'postgresPassword',
    `a password: put it into the Secret '${secret}', key '${key}', which the program names`,
  );
  return secretRef(secret, key);
}
