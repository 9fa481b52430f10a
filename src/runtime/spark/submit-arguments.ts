import type { SparkSettings } from './settings.js';

/**
 * The command line of spark-submit, but for where it submits to; pure.
 * @param conf every property, in the order in which they are to stand
 */
export function submitArguments(settings: SparkSettings, conf: Readonly<Record<string, string>>): string[] {
  const { application, args, javaClass, name, verbose } = settings;
  const { pyFiles, jars, files, archives, packages, excludePackages, repositories } = settings;
  const option = (flag: string, value: string | null): string[] => (value === null ? [] : [flag, value]);
  const list = (flag: string, values: readonly string[]): string[] =>
    values.length === 0 ? [] : [flag, values.join(',')];
  return [
    ...option('--name', name),
    ...option('--class', javaClass),
    ...option('--properties-file', settings.propertiesFile),
    ...Object.entries(conf).flatMap(([key, value]) => ['--conf', `${key}=${value}`]),
    ...list('--py-files', pyFiles),
    ...list('--jars', jars),
    ...list('--files', files),
    ...list('--archives', archives),
    ...list('--packages', packages),
    ...list('--exclude-packages', excludePackages),
    ...list('--repositories', repositories),
    ...option('--proxy-user', settings.proxyUser),
    ...option('--principal', settings.principal),
    ...option('--keytab', settings.keytab),
    ...(verbose ? ['--verbose'] : []),
    application,
    ...args,
  ];
}
