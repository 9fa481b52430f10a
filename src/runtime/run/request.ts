import { z } from 'zod';
import {
  clusterPart,
  objectPart,
  parseRequest,
  patiencePart,
  RUN_PROTOCOL,
  secondsPart,
  taskPart,
} from './request-parts.js';

export const ON_FINISH = ['delete_pod', 'delete_succeeded_pod', 'delete_active_pod', 'keep_pod'] as const;
export type OnFinish = (typeof ON_FINISH)[number];

const containers = z.union([z.literal('all'), z.array(z.string())]);

/** One layer of a pod: its manifest, or YAML that holds it. Later layers win, as mergePods does it. */
const layer = z.union([
  z.strictObject({ source: z.string(), manifest: objectPart }),
  z.strictObject({ source: z.string(), yaml: z.string() }),
]);

const result = z.strictObject({
  /** The file whose JSON is the result, in a folder that the container and the sidecar share. */
  path: z.string().regex(/^\/.+\/[^/]+$/, 'must be an absolute path of a file in a folder of its own'),
  /** Any image with a POSIX shell, `cat` and `wc`. */
  image: z.string().default('busybox:1'),
  resources: objectPart.nullable().default(null),
  securityContext: objectPart.nullable().default(null),
  /** Larger ones are refused. The kubelet keeps 10 MiB of a log by default. */
  maxBytes: z
    .number()
    .int()
    .positive()
    .max(8 * 1024 * 1024)
    .default(4 * 1024 * 1024),
});

export const request = z.strictObject({
  protocol: z.literal(RUN_PROTOCOL),
  layers: z.array(layer).min(1),
  /** Go on with this pod, which another process has created: the layers do not matter any more. Of one without a uid the API server is asked for it. */
  attach: z
    .strictObject({ name: z.string(), uid: z.string().nullable().default(null) })
    .nullable()
    .default(null),
  /** Where, unless a layer says so. Default: the namespace of the context, else the process's own, else `default`. */
  namespace: z.string().nullable().default(null),
  /** Begin of the pod's name, or all of it. Default: the name in the layers, else the task's. */
  name: z.string().nullable().default(null),
  /** The name as it is, with nothing added. */
  exactName: z.boolean().default(false),
  /** Whose pod it is; null for a pod that belongs to no task. */
  task: taskPart.nullable().default(null),
  /** A later try goes on with the pod that an earlier one left behind. */
  reattach: z.boolean().default(true),
  /** The container whose end is the end of the run. */
  container: z.string().default('base'),
  logs: z
    .strictObject({ containers: containers.nullable().default(null), initContainers: containers.default([]) })
    .default({ containers: null, initContainers: [] }),
  result: result.nullable().default(null),
  /** From the create until the pod has a node. */
  scheduleTimeoutSeconds: secondsPart.default(null),
  /** While the pod has a node and nothing in it runs. */
  startupTimeoutSeconds: secondsPart.default(120),
  onFinish: z.enum(ON_FINISH).default('delete_pod'),
  onKill: z.enum(['delete_pod', 'keep_pod']).default('delete_pod'),
  /**
   * So long the pod stays after its end was told (`outcome`): whoever has to write the end down may die over it, and
   * another one then finds the pod. Later tries do not go on with it any more.
   */
  holdSeconds: z.number().nonnegative().default(0),
  /** That the containers get to end when the pod is deleted. Default: what the pod says. */
  graceSeconds: z.number().int().nonnegative().nullable().default(null),
  /** So long the API server may be away. */
  patienceSeconds: patiencePart,
  /** `created`: leave the pod to itself as soon as it exists; `killed`: end it at once. */
  until: z.enum(['created', 'killed', 'ended']).default('ended'),
  cluster: clusterPart.default({}),
});

/** What is to be run, and how; every default is filled in. */
export type RunRequest = z.output<typeof request>;
/** As it is written: defaults may be left out. */
export type RunRequestInput = z.input<typeof request>;
export type RunLayer = RunRequest['layers'][number];

/**
 * Reads a request.
 * @param file named in the errors
 * @throws ConfigError with every field that is wrong, unknown ones included
 */
export function parseRunRequest(value: unknown, file?: string): RunRequest {
  return parseRequest(request, value, file);
}
