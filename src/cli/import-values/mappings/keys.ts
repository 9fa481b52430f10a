import { type Call, compact, secretRef } from '../expression.js';
import type { Values } from '../values.js';
import type { Mapping } from './mapping.js';

/** Fernet key, JWT secret and API secret key: by the name of a Secret, or in plain. */
export const keys: Mapping = (values, { isAirflow2 }) => {
  const [sessionKey, others] = isAirflow2
    ? ['webserverSecretKey', 'apiSecretKey']
    : ['apiSecretKey', 'webserverSecretKey'];
  for (const key of [others, `${others}SecretName`, ...(isAirflow2 ? ['jwtSecret', 'jwtSecretName'] : [])])
    values.leave(key, `Airflow ${isAirflow2 ? 2 : 3} does not read it`);
  return {
    props: {
      keys: compact({
        fernetKey: key(values, 'fernetKey', 'fernetKeySecretName', 'fernet-key'),
        jwtSecret: isAirflow2 ? undefined : key(values, 'jwtSecret', 'jwtSecretName', 'jwt-secret'),
        apiSecretKey: key(
          values,
          sessionKey,
          `${sessionKey}SecretName`,
          isAirflow2 ? 'webserver-secret-key' : 'api-secret-key',
        ),
      }),
    },
  };
};

/** The Secret `<release>-<name>` holds what stood in plain: the chart has made it under that name. */
function key(values: Values, plain: string, named: string, name: string): Call | undefined {
  const secret = values.text(named);
  const isPlain = values.has(plain);
  if (secret !== undefined) {
    if (isPlain) values.refuse(plain, `must be left out when '${named}' is given`);
    return secretRef(secret, name);
  }
  if (!isPlain) return undefined;
  const made = `${values.release}-${name}`;
  values.remark(
    plain,
    `a key: it is read from the Secret '${made}', key '${name}', which the chart has made; it must be there`,
  );
  return secretRef(made, name);
}
