import { ConfigError } from '../config/errors.js';

const MIB: Readonly<Record<string, number>> = {
  b: 1 / 1024 ** 2,
  k: 1 / 1024,
  kb: 1 / 1024,
  m: 1,
  mb: 1,
  g: 1024,
  gb: 1024,
  t: 1024 ** 2,
  tb: 1024 ** 2,
};

/** Spark's defaults (`spark.driver.memory`, `spark.driver.minMemoryOverhead`, `spark.driver.memoryOverheadFactor`). */
const MEMORY = '1g';
const LEAST_OVERHEAD = '384m';
const FACTOR = 0.1;
/** Python and R need memory beside that of the JVM. */
const OTHER_LANGUAGE_FACTOR = 0.4;

/** The MiB of a size as Spark writes it: `512m`, `1g`; without a unit MiB. @throws ConfigError */
export function mebibytes(size: string, field: string, file: string): number {
  const [, amount = '', unit = 'm'] = /^(\d+)\s*([a-z]+)?$/.exec(size.trim().toLowerCase()) ?? [];
  const factor = MIB[unit];
  if (amount === '' || factor === undefined) {
    const message = `(${JSON.stringify(size)}) must be a number with a unit, such as 512m or 2g`;
    throw new ConfigError([{ file, field, message }]);
  }
  return Math.ceil(Number(amount) * factor);
}

/**
 * The MiB that a driver's pod needs, as Spark computes it: the JVM's heap, and what is beside it. Pure.
 * @param isJvm Is the application one of the JVM?
 * @throws ConfigError for a size that is none
 */
export function driverMebibytes(conf: Readonly<Record<string, string>>, isJvm: boolean, file: string): number {
  const sizeOf = (key: string, otherwise: string): number =>
    mebibytes(conf[key] ?? otherwise, `spark.conf.${key}`, file);
  const heap = sizeOf('spark.driver.memory', MEMORY);
  if (conf['spark.driver.memoryOverhead'] !== undefined) {
    return heap + sizeOf('spark.driver.memoryOverhead', LEAST_OVERHEAD);
  }
  const factor =
    conf['spark.driver.memoryOverheadFactor'] ??
    conf['spark.kubernetes.memoryOverheadFactor'] ??
    String(isJvm ? FACTOR : OTHER_LANGUAGE_FACTOR);
  return heap + Math.max(Math.floor(heap * Number(factor)), sizeOf('spark.driver.minMemoryOverhead', LEAST_OVERHEAD));
}
