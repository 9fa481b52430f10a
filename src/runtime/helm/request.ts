import { z } from 'zod';
import { clusterPart, objectPart, parseRequest, RUN_PROTOCOL } from '../run/request-parts.js';

const RELEASE = /^[a-z0-9]([-a-z0-9.]{0,51}[a-z0-9])?$/;

const request = z
  .strictObject({
    protocol: z.literal(RUN_PROTOCOL),
    /** `upgrade` installs a release that does not exist. */
    action: z.enum(['install', 'upgrade', 'uninstall', 'test', 'rollback']),
    release: z.string().regex(RELEASE, 'must be a release name: at most 53 small letters, digits, dots and dashes'),
    /** A folder, an archive, `oci://…`, a URL, or a name in a repository. */
    chart: z.string().min(1).nullable().default(null),
    /** Of the chart. */
    version: z.string().min(1).nullable().default(null),
    /** URL of the chart's repository. */
    repo: z.string().min(1).nullable().default(null),
    namespace: z.string().min(1).nullable().default(null),
    createNamespace: z.boolean().default(false),
    /** Files and objects; later ones win. */
    values: z
      .array(z.union([z.strictObject({ file: z.string() }), z.strictObject({ values: objectPart })]))
      .default([]),
    /** What the values of the release before are worth to an upgrade. */
    previousValues: z.enum(['default', 'reset', 'reuse', 'reset-then-reuse']).default('default'),
    dependencyUpdate: z.boolean().default(false),
    /** Until everything is ready, or gone. */
    wait: z.boolean().default(true),
    waitForJobs: z.boolean().default(false),
    /** For each operation of helm's. */
    timeoutSeconds: z.number().int().positive().default(300),
    /** After a failed upgrade the release before, after a failed install nothing. */
    rollbackOnFailure: z.boolean().default(false),
    /** Of `rollback`. Default: the one before. */
    revision: z.number().int().positive().nullable().default(null),
    keepHistory: z.boolean().default(false),
    /** A release in the middle of an operation that nobody does any more is brought to rest first. */
    recover: z.boolean().default(true),
    /** Further arguments of the operation. */
    extraArgs: z.array(z.string()).default([]),
    /** The program. Default: `helm` on PATH. */
    helm: z.string().min(1).default('helm'),
    /** Environment variables of helm, beside those of this process. */
    env: z.record(z.string(), z.string()).default({}),
    cluster: clusterPart.default({}),
  })
  .refine(({ action, chart }) => chart !== null || (action !== 'install' && action !== 'upgrade'), {
    path: ['chart'],
    message: 'is missing: install and upgrade need one',
  });

/** As it is written: defaults may be left out. */
export type HelmRequestInput = z.input<typeof request>;
/** What helm is to do, and how; every default is filled in. */
export type HelmRequest = z.output<typeof request>;

/** @throws ConfigError with every field that is wrong, unknown ones included */
export function parseHelmRequest(value: unknown): HelmRequest {
  return parseRequest(request, value);
}
