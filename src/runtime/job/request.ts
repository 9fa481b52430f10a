import { z } from 'zod';
import { parseRequest } from '../run/request-parts.js';
import { request } from '../run/request.js';

const tail = z.strictObject({
  /** Tell what is new every so many seconds. null: as it comes. */
  everySeconds: z.number().positive().nullable().default(null),
  /** At most so many lines at a time, the newest. null: all. */
  lines: z.number().int().positive().nullable().default(null),
  /** Tell nothing before the end of a pod. */
  onlyAtEnd: z.boolean().default(false),
});

const jobRequest = request.omit({ attach: true, holdSeconds: true, graceSeconds: true }).extend({
  /** `created`: leave the Job to itself as soon as it exists. */
  until: z.enum(['created', 'ended']).default('ended'),
  /** Whose exit code counts. Default: `base` if there is one, else the first. */
  container: z.string().nullable().default(null),
  /** Which part of the logs is told, and when. Default: every line, as it comes. */
  tail: tail.nullable().default(null),
  /** A Job of that name that has ended, and that some task's run made, is deleted to make room. */
  replaceEnded: z.boolean().default(false),
  /** How its pods go when a Job is deleted before its end: the Job waits for them, or goes first. */
  propagation: z.enum(['Foreground', 'Background']).default('Foreground'),
});

/** Which Job is to be run, and how; every default is filled in. */
export type JobRequest = z.output<typeof jobRequest>;
/** As it is written: defaults may be left out. */
export type JobRequestInput = z.input<typeof jobRequest>;
export type JobTail = NonNullable<JobRequest['tail']>;

/**
 * Reads a request.
 * @param file named in the errors
 * @throws ConfigError with every field that is wrong, unknown ones included
 */
export function parseJobRequest(value: unknown, file?: string): JobRequest {
  return parseRequest(jobRequest, value, file);
}
