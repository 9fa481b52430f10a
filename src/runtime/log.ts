import { pino } from 'pino';
import { ENV } from '../../constructs/contract.js';

/** The part of a structured logger that the runtime uses; the first argument holds the fields. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** JSON lines on stdout, or on another file descriptor. Level by environment, default `info`. */
export function createLogger(env: NodeJS.ProcessEnv, fd = 1): Logger {
  const level = (env[ENV.LOG_LEVEL] ?? '').toLowerCase();
  const options = {
    level: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].includes(level) ? level : 'info',
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return fd === 1 ? pino(options) : pino(options, pino.destination({ dest: fd, sync: true }));
}
