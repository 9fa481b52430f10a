// What the rest of the stack asks about Airflow's version.

/** The versions that are supported, for messages. */
export const SUPPORTED_AIRFLOW =
  "must be 3.2.2 or newer of Airflow 3, such as '3.3.2', or 2.11.2 or newer of Airflow 2.11";

/** Whether the stack can be of this version: `major.minor.patch`. */
export function isSupported(version: string): boolean {
  const found = /^(\d+)\.(\d+)\.(\d+)$/.exec(version);
  if (!found) return false;
  const [major = 0, minor = 0, patch = 0] = found.slice(1).map(Number);
  if (major === 2) return minor === 11 && patch >= 2;
  // Since 3.2.2 a launch has its id before it has its pod, which the launcher builds on.
  return major === 3 && (minor > 2 || (minor === 2 && patch >= 2));
}

/** Whether it is an Airflow 2: a webserver instead of an API server, and tasks that use the database themselves. */
export function isAirflow2(version: string): boolean {
  return version.startsWith('2.');
}
