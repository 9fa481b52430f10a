import { z } from 'zod';

const text = z.string().min(1);
const optional = text.nullable().default(null);
const words = z.array(z.string()).default([]);

/** The `spark` of a request: an application, as spark-submit takes it. */
export const sparkPart = z.strictObject({
  /** Path in the image, `local://` URL of it, or a URL that Spark fetches. */
  application: text,
  args: words,
  javaClass: optional,
  /** Of the application, for people. */
  name: text.default('airflow-spark'),
  /** Of driver and executors. Default: `spark.kubernetes.container.image` of `conf`. */
  image: optional,
  /**
   * `client`: the launcher creates the driver's pod, and spark-submit runs in it. `cluster`: spark-submit runs beside the
   * launcher and creates the pod.
   */
  deployMode: z.enum(['client', 'cluster']).default('client'),
  /** Spark's own properties; what the other fields say wins. */
  conf: z.record(z.string(), z.string()).default({}),
  pyFiles: words,
  jars: words,
  files: words,
  archives: words,
  packages: words,
  excludePackages: words,
  repositories: words,
  driverClassPath: optional,
  driverMemory: optional,
  driverCores: z.number().int().positive().nullable().default(null),
  executors: z.number().int().nonnegative().nullable().default(null),
  executorCores: z.number().int().positive().nullable().default(null),
  executorMemory: optional,
  /** Of the driver. */
  serviceAccount: optional,
  /** A pod that executors are made from: nodes, tolerations, security. */
  executorTemplate: z.record(z.string(), z.unknown()).nullable().default(null),
  propertiesFile: optional,
  proxyUser: optional,
  principal: optional,
  keytab: optional,
  verbose: z.boolean().default(false),
  /** `cluster` only: what submits. */
  binary: text.default('spark-submit'),
});

export type SparkPart = z.output<typeof sparkPart>;
export type SparkPartInput = z.input<typeof sparkPart>;
