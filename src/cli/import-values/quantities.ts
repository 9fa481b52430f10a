// Kubernetes quantities as the typed ones of the library.
import { Call } from './expression.js';

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
};

const SIZES = [
  ['tebibytes', 2 ** 40],
  ['gibibytes', 2 ** 30],
  ['mebibytes', 2 ** 20],
] as const;

/** `Size.gibibytes(20)` of `20Gi`; what is not whole in MiB is rounded up. Undefined if it is no size. */
export function sizeOf(quantity: unknown): Call | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(String(quantity).trim()) ?? [];
  const factor = FACTORS[unit ?? ''];
  if (number === undefined || factor === undefined) return undefined;
  const bytes = Number(number) * factor;
  for (const [method, size] of SIZES) {
    if (bytes >= size && Number.isInteger(bytes / size)) return new Call('Size', method, bytes / size);
  }
  return new Call('Size', 'mebibytes', Math.ceil(bytes / 2 ** 20));
}

/** `Cpu.millis(250)` of `250m` or `0.25`. Undefined if it is no amount of CPU. */
export function cpuOf(quantity: unknown): Call | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(m?)$/.exec(String(quantity).trim()) ?? [];
  if (number === undefined) return undefined;
  const millis = Math.ceil(Number(number) * (unit === 'm' ? 1 : 1000));
  return millis % 1000 === 0 && millis > 0
    ? new Call('Cpu', 'units', millis / 1000)
    : new Call('Cpu', 'millis', millis);
}

/** `Duration.seconds(5)` of Go's `5s` or of a number of seconds. Undefined if it is none. */
export function durationOf(text: unknown): Call | undefined {
  const [, number, unit] = /^(\d+)(ms|s|m|h)?$/.exec(String(text).trim()) ?? [];
  if (number === undefined) return undefined;
  const method = { ms: 'millis', s: 'seconds', m: 'minutes', h: 'hours' }[unit ?? 's'] ?? 'seconds';
  return new Call('Duration', method, Number(number));
}
