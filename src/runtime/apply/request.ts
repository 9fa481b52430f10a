import { z } from 'zod';
import { ConfigError } from '../config/errors.js';
import {
  clusterPart,
  objectPart,
  parseRequest,
  patiencePart,
  RUN_PROTOCOL,
  secondsPart,
  taskPart,
} from '../run/request-parts.js';
import { type ConditionRule, parseCondition } from './condition.js';

const source = z.union([
  z.strictObject({ source: z.string(), manifest: objectPart }),
  z.strictObject({ source: z.string(), yaml: z.string() }),
]);

const request = z.strictObject({
  protocol: z.literal(RUN_PROTOCOL),
  /** `apply` creates or changes, `create` refuses what exists, `delete` deletes what exists. */
  action: z.enum(['apply', 'create', 'delete']).default('apply'),
  manifests: z.array(source).min(1),
  /** Of objects that say none. Default: the namespace of the context, else the process's own, else `default`. */
  namespace: z.string().nullable().default(null),
  task: taskPart.nullable().default(null),
  /** Whose fields these are in a server-side apply. */
  fieldManager: z.string().min(1).max(128).default('pod-launcher'),
  /** Take fields over from other managers. */
  force: z.boolean().default(false),
  /** What every object that a condition is about must meet. */
  wait: z.array(z.string()).default([]),
  /** What ends the waiting as a failure. */
  failOn: z.array(z.string()).default([]),
  /** For the waiting; null: no limit. */
  timeoutSeconds: secondsPart.default(600),
  /** Of claims that are bound only when a pod uses them: `refuse` to wait for Bound, or `skip` that. */
  firstConsumer: z.enum(['refuse', 'skip']).default('refuse'),
  /** Tell the log of Pods, and wait for their end. */
  follow: z.boolean().default(false),
  /** What becomes, at the end of the run, of objects that it made. */
  onFinish: z.enum(['keep', 'delete', 'delete_succeeded']).default('keep'),
  onKill: z.enum(['keep', 'delete']).default('keep'),
  /** Of the objects that deleted ones own. */
  propagation: z.enum(['Background', 'Foreground']).default('Background'),
  patienceSeconds: patiencePart,
  cluster: clusterPart.default({}),
});

/** As it is written: defaults may be left out. */
export type ApplyRequestInput = z.input<typeof request>;
/** What is to be applied, and how; every default is filled in, conditions are read. */
export type ApplyRequest = Omit<z.output<typeof request>, 'wait' | 'failOn'> & {
  readonly wait: readonly ConditionRule[];
  readonly failOn: readonly ConditionRule[];
};

/**
 * Reads a request.
 * @param file named in the errors
 * @throws ConfigError with every field that is wrong, unknown ones included
 */
export function parseApplyRequest(value: unknown, file = 'request'): ApplyRequest {
  const given = parseRequest(request, value, file);
  const read = (field: string, texts: readonly string[]): ConditionRule[] =>
    texts.map((text) => {
      try {
        return parseCondition(text);
      } catch (error) {
        throw new ConfigError([{ file, field, message: (error as Error).message }]);
      }
    });
  return { ...given, wait: read('wait', given.wait), failOn: read('failOn', given.failOn) };
}
