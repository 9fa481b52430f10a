import { createHash } from 'node:crypto';
import type { TaskKey } from '../link/messages.js';

const SLUG_LENGTH = 40;
const HASH_LENGTH = 16;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const MAX_LABEL_LENGTH = 63;
const LABEL_HASH_LENGTH = 9;

/** What makes a launch itself; every repeat of one create has the same. */
export interface LaunchIdentity {
  readonly deployment: string;
  readonly tiId: string;
  readonly key: TaskKey;
  readonly id: string;
  readonly attempt: number;
}

/**
 * Name of the pod of a launch: readable, and the same for every repeat of the create, so that a repeat meets
 * AlreadyExists instead of making a second pod. At most 57 characters, a DNS label.
 */
export function podName(identity: LaunchIdentity): string {
  const { key } = identity;
  const task = identity.tiId !== '' ? identity.tiId : [key.dagId, key.taskId, key.runId, key.mapIndex];
  const unique = [identity.deployment, task, key.tryNumber, identity.id, identity.attempt];
  return nameOf([key.dagId, key.taskId], 'task', unique);
}

/**
 * A name that is readable, and the same for the same key. At most 57 characters, a DNS label.
 * @param otherwise what it begins with when nothing of the parts can stand in a name
 */
export function nameOf(parts: readonly string[], otherwise: string, key: readonly unknown[]): string {
  const digest = createHash('sha256').update(JSON.stringify(key)).digest();
  return `${slug(parts, otherwise)}-${base32(digest).slice(0, HASH_LENGTH)}`;
}

function slug(parts: readonly string[], otherwise: string): string {
  const text = parts
    .filter((part) => part !== '')
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, SLUG_LENGTH)
    .replace(/-$/, '');
  return text === '' ? otherwise : text;
}

function base32(bytes: Buffer): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32.charAt((value >> bits) & 31);
    }
  }
  return text;
}

/**
 * A label value for any text, as Airflow's Kubernetes provider makes it (`make_safe_label_value`): the log reader and
 * users' own selectors compute the same.
 */
export function safeLabelValue(text: string): string {
  const safe = text.replace(/^[^a-z0-9A-Z]*|[^a-zA-Z0-9_\-.]|[^a-z0-9A-Z]*$/g, '');
  if (safe.length <= MAX_LABEL_LENGTH && safe === text) {
    return safe;
  }
  const hash = createHash('md5').update(text).digest('hex').slice(0, LABEL_HASH_LENGTH);
  return `${safe.slice(0, MAX_LABEL_LENGTH - LABEL_HASH_LENGTH - 1)}-${hash}`;
}
