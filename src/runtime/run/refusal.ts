import type { KubeCause } from '../api/errors.js';
import { placeOf } from './layers.js';
import type { RunLayer } from './request.js';
import { fieldsIn } from './yaml-lines.js';

/** Fields whose places are told. */
const MAX_PLACES = 3;

/** What the API server says of a manifest that it refuses, and where the fields stand that it speaks of; pure. */
export function describeRefusal(message: string, causes: readonly KubeCause[], layers: readonly RunLayer[]): string {
  const spoken = causes.map(({ field }) => field).filter((field) => field !== '');
  const fields = spoken.length > 0 ? spoken : fieldsIn(message);
  const places = [...new Set(fields.map((field) => placeOf(layers, field)))];
  return places.length === 0 ? message : `${places.slice(0, MAX_PLACES).join(', ')}: ${message}`;
}
