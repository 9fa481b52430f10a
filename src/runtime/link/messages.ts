/**
 * The messages of docs/protocol.md as types, and the check of what the shim sends.
 */

/** Names the task for people: pod name, labels, annotations, logs. */
export interface TaskKey {
  readonly dagId: string;
  readonly taskId: string;
  readonly runId: string;
  readonly tryNumber: number;
  /** -1 when the task is not mapped. */
  readonly mapIndex: number;
}

/** One run of one task in one pod, as LAUNCH carries it. */
export interface LaunchSpec {
  readonly id: string;
  readonly attempt: number;
  readonly key: TaskKey;
  readonly tiId: string;
  readonly args: readonly string[];
  readonly queue: string;
  readonly podOverride: Record<string, unknown> | null;
  readonly podTemplate: string | null;
  readonly namespace: string | null;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  readonly airflowVersion: string;
}

export interface LaunchRef {
  readonly id: string;
  readonly attempt: number;
}

/** A launch of a LAUNCH frame that cannot be understood, with as much of its identity as it has. */
export interface BadLaunch {
  readonly id: string | null;
  readonly attempt: number | null;
  readonly problem: string;
}

export type ShimMessage =
  | {
      readonly type: 'HELLO';
      readonly protocol: number;
      readonly deployment: string;
      readonly jobId: string;
      readonly bootId: string | null;
      readonly ackedSeq: number;
    }
  | {
      readonly type: 'LEASE';
      readonly ttlMs: number;
      /** When it was granted, milliseconds since the epoch; absent: when it arrives. */
      readonly at?: number;
    }
  | { readonly type: 'LAUNCH'; readonly launches: readonly LaunchSpec[]; readonly bad: readonly BadLaunch[] }
  | { readonly type: 'REVOKE'; readonly ids: readonly string[] }
  | { readonly type: 'WITHDRAW'; readonly ids: readonly string[] }
  | { readonly type: 'ADOPT'; readonly request: number; readonly ids: readonly string[] }
  | { readonly type: 'RESYNC'; readonly request: number; readonly launches: readonly LaunchRef[] }
  | { readonly type: 'ACK'; readonly seq: number }
  | { readonly type: 'RETAIN'; readonly seqs: readonly number[] }
  | { readonly type: 'DRAIN' };

export type EventKind = 'CREATED' | 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'LOST' | 'CREATE_FAILED';

/** What is told about a launch, without the numbering that the event log adds. */
export interface EventBody {
  readonly id: string;
  readonly attempt: number;
  readonly kind: EventKind;
  readonly at: number;
  readonly podName: string;
  readonly namespace: string;
  readonly podUid: string | null;
  readonly orphan: boolean;
  readonly node?: string;
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly output?: string;
  readonly podEvents?: readonly string[];
  readonly started?: boolean;
}

export type LauncherMessage =
  | {
      readonly type: 'WELCOME';
      readonly protocol: number;
      readonly bootId: string;
      readonly synced: boolean;
      readonly version: string;
    }
  | {
      readonly type: 'ADOPTED';
      readonly request: number;
      readonly adopted: readonly {
        readonly id: string;
        readonly attempt: number;
        readonly podName: string;
        readonly namespace: string;
      }[];
      readonly absent: readonly string[];
    }
  | {
      readonly type: 'RESYNCED';
      readonly request: number;
      readonly present: readonly LaunchRef[];
      readonly absent: readonly LaunchRef[];
    }
  | ({ readonly type: 'EVENT'; readonly seq: number } & EventBody)
  | { readonly type: 'THROTTLED'; readonly namespace: string; readonly until: number; readonly reason: string }
  | { readonly type: 'ERROR'; readonly code: string; readonly message: string };

/** The shim sent a frame that is not what docs/protocol.md says; `code` goes into the ERROR answer. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
  constructor(
    readonly code: 'frame' | 'unknown-type',
    message: string,
  ) {
    super(message);
  }
}

type Fields = Record<string, unknown>;

/**
 * Checks one message of the shim.
 * @throws MessageError naming the type, the field and what it must be.
 */
export function parseShimMessage(raw: Fields): ShimMessage {
  const check = new FieldCheck(String(raw.type));
  switch (raw.type) {
    case 'HELLO':
      return {
        type: 'HELLO',
        protocol: check.integer(raw, 'protocol'),
        deployment: check.text(raw, 'deployment'),
        jobId: check.text(raw, 'jobId'),
        bootId: check.textOrNull(raw, 'bootId'),
        ackedSeq: raw.ackedSeq === undefined || raw.ackedSeq === null ? 0 : check.integer(raw, 'ackedSeq'),
      };
    case 'LEASE':
      return {
        type: 'LEASE',
        ttlMs: check.integer(raw, 'ttlMs'),
        ...(raw.at === undefined || raw.at === null ? {} : { at: check.integer(raw, 'at') }),
      };
    case 'LAUNCH':
      return parseLaunches(check.objects(raw, 'launches'));
    case 'REVOKE':
    case 'WITHDRAW':
      return { type: raw.type, ids: check.objects(raw, 'launches').map((item) => check.text(item, 'id')) };
    case 'ADOPT':
      return {
        type: 'ADOPT',
        request: check.integer(raw, 'request'),
        ids: check.objects(raw, 'launches').map((item) => check.text(item, 'id')),
      };
    case 'RESYNC':
      return {
        type: 'RESYNC',
        request: check.integer(raw, 'request'),
        launches: check
          .objects(raw, 'launches')
          .map((item) => ({ id: check.text(item, 'id'), attempt: check.integer(item, 'attempt') })),
      };
    case 'ACK':
      return { type: 'ACK', seq: check.integer(raw, 'seq') };
    case 'RETAIN':
      return { type: 'RETAIN', seqs: check.list(raw, 'seqs').filter((seq) => typeof seq === 'number') };
    case 'DRAIN':
      return { type: 'DRAIN' };
    default:
      throw new MessageError('unknown-type', `unknown frame type '${String(raw.type)}'`);
  }
}

/** One bad launch must not take the others of its frame with it. */
function parseLaunches(items: readonly Fields[]): ShimMessage {
  const launches: LaunchSpec[] = [];
  const bad: BadLaunch[] = [];
  for (const item of items) {
    try {
      launches.push(parseLaunch(item));
    } catch (error) {
      bad.push({
        id: typeof item.id === 'string' && isLabelValue(item.id) ? item.id : null,
        attempt: typeof item.attempt === 'number' ? item.attempt : null,
        problem: (error as Error).message,
      });
    }
  }
  return { type: 'LAUNCH', launches, bad };
}

function parseLaunch(raw: Fields): LaunchSpec {
  const check = new FieldCheck('LAUNCH');
  const id = check.text(raw, 'id');
  if (!isLabelValue(id)) {
    throw new MessageError('frame', `LAUNCH: 'id' (${id}) must be a valid label value of 1 to 63 characters`);
  }
  const key = check.object(raw, 'key');
  const args = check.list(raw, 'args');
  if (!args.every((item) => typeof item === 'string')) {
    throw new MessageError('frame', `LAUNCH: 'args' must be a list of strings`);
  }
  return {
    id,
    attempt: check.integer(raw, 'attempt'),
    key: {
      dagId: optionalText(key.dagId),
      taskId: optionalText(key.taskId),
      runId: optionalText(key.runId),
      tryNumber: typeof key.tryNumber === 'number' ? key.tryNumber : 0,
      mapIndex: typeof key.mapIndex === 'number' ? key.mapIndex : -1,
    },
    tiId: optionalText(raw.tiId),
    args,
    queue: optionalText(raw.queue),
    podOverride: raw.podOverride === undefined || raw.podOverride === null ? null : check.object(raw, 'podOverride'),
    podTemplate: check.textOrNull(raw, 'podTemplate'),
    namespace: check.textOrNull(raw, 'namespace'),
    notAfter: check.integer(raw, 'notAfter'),
    airflowVersion: optionalText(raw.airflowVersion),
  };
}

function optionalText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The launch id becomes a label value, so that a selector finds the pod. */
function isLabelValue(value: string): boolean {
  return /^[a-z0-9A-Z]([a-z0-9A-Z_.-]{0,61}[a-z0-9A-Z])?$/.test(value);
}

class FieldCheck {
  constructor(private readonly type: string) {}

  text(from: Fields, field: string): string {
    const value = from[field];
    return typeof value === 'string' && value !== '' ? value : this.fail(field, value, 'a non-empty string');
  }

  textOrNull(from: Fields, field: string): string | null {
    return from[field] === undefined || from[field] === null ? null : this.text(from, field);
  }

  integer(from: Fields, field: string): number {
    const value = from[field];
    // Python sends times as floats: they are cut to whole milliseconds.
    return typeof value === 'number' && Number.isFinite(value)
      ? Math.trunc(value)
      : this.fail(field, value, 'a number');
  }

  list(from: Fields, field: string): unknown[] {
    const value = from[field];
    return Array.isArray(value) ? value : this.fail(field, value, 'a list');
  }

  object(from: Fields, field: string): Fields {
    const value = from[field];
    return isFields(value) ? value : this.fail(field, value, 'an object');
  }

  objects(from: Fields, field: string): Fields[] {
    const value = this.list(from, field);
    return value.every(isFields) ? value : this.fail(field, value, 'a list of objects');
  }

  private fail(field: string, value: unknown, expected: string): never {
    const shown = value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80);
    throw new MessageError('frame', `${this.type}: '${field}' (${shown}) must be ${expected}`);
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
