import { z } from 'zod';
import { ConfigError } from '../config/errors.js';

/** Version of requests and events (docs/operators.md). */
export const RUN_PROTOCOL = 1;

export const secondsPart = z.number().positive().nullable();
export const objectPart = z.record(z.string(), z.unknown());

/** Whose object it is; null for one that belongs to no task. */
export const taskPart = z.strictObject({
  dagId: z.string(),
  taskId: z.string(),
  runId: z.string(),
  /** -1: not mapped. */
  mapIndex: z.number().int().default(-1),
  tryNumber: z.number().int(),
  airflowVersion: z.string().default(''),
});
export type RunTask = z.output<typeof taskPart>;

/** Which cluster; the default is what the process's environment says. */
export const clusterPart = z.strictObject({
  inCluster: z.boolean().optional(),
  configFile: z.string().optional(),
  config: z.string().optional(),
  context: z.string().optional(),
});
export type ClusterPart = z.output<typeof clusterPart>;

/** So long the API server may be away. */
export const patiencePart = z.number().positive().default(600);

/**
 * Reads a request.
 * @param file named in the errors
 * @throws ConfigError with every field that is wrong, unknown ones included
 */
export function parseRequest<T extends z.ZodType>(schema: T, value: unknown, file = 'request'): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    return parsed.data;
  }
  throw new ConfigError(
    parsed.error.issues.map(({ path, message }) => ({ file, field: path.map(String).join('.'), message })),
  );
}
