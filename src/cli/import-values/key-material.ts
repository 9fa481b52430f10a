// What must not stand in a program that goes into a repository.

const SECRET_NAME =
  /(^|_)(password|passwd|pass|pwd|secret|secret_key|token|api_?key|fernet_key|private_key|access_key|encryption_key|credentials?|sql_alchemy_conn|broker_url|result_backend)$/i;

/** Whether a variable or option, by its name or its value, is a password, a key or a connection with one. */
export function isKeyMaterial(name: string, value: unknown): boolean {
  if (typeof value !== 'string' || value === '' || /^(true|false|\d+)$/i.test(value)) return false;
  if (/:\/\/[^/\s:@]*:[^@/\s]+@/.test(value)) return true;
  return name.startsWith('AIRFLOW_CONN_') || SECRET_NAME.test(name.split('__').at(-1) ?? name);
}
