import { z } from 'zod';
import { parseRequest } from '../run/request-parts.js';
import { request } from '../run/request.js';
import { DRIVER_CONTAINER } from './request.js';

const applicationRequest = request
  .omit({ result: true, scheduleTimeoutSeconds: true, graceSeconds: true, container: true })
  .extend({
    /** The driver's container. */
    container: z.string().default(DRIVER_CONTAINER),
    /** Follow the log of the driver. */
    logs: z.boolean().default(true),
    /** Until the driver runs. */
    startupTimeoutSeconds: z.number().positive().nullable().default(600),
  });

/** Which SparkApplication is to be run, and how; every default is filled in. */
export type ApplicationRequest = z.output<typeof applicationRequest>;
export type ApplicationRequestInput = z.input<typeof applicationRequest>;

/**
 * Reads a request.
 * @param file named in the errors
 * @throws ConfigError with every field that is wrong, unknown ones included
 */
export function parseApplicationRequest(value: unknown, file?: string): ApplicationRequest {
  return parseRequest(applicationRequest, value, file);
}
