/** How a call to the Kubernetes API ended badly. */
export type KubeFailure =
  /** The API server answered with an error status. */
  | 'response'
  /** No answer: the connection broke, was refused, or the stream was reset. The call may have been carried out. */
  | 'connection'
  /** No answer within the deadline. The call may have been carried out. */
  | 'timeout';

/** One field that the API server refuses. */
export interface KubeCause {
  /** Such as `spec.containers[0].image`. */
  readonly field: string;
  readonly message: string;
}

/** One failed call; `message` is the API server's own when it gave one. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** HTTP status, 0 without an answer. */
  readonly status: number;
  /** The API server's reason: `AlreadyExists`, `Forbidden`, `Expired`; empty without one. */
  readonly reason: string;
  /** What the API server asked to wait, in milliseconds. */
  readonly retryAfterMs: number | null;
  /** The fields that were refused, as far as the API server names them. */
  readonly causes: readonly KubeCause[];

  constructor(
    readonly failure: KubeFailure,
    message: string,
    details: {
      status?: number;
      reason?: string;
      retryAfterMs?: number | null;
      causes?: readonly KubeCause[];
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: details.cause });
    this.status = details.status ?? 0;
    this.reason = details.reason ?? '';
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.causes = details.causes ?? [];
  }

  /** The server's Status object as an error. */
  static fromResponse(status: number, body: string, retryAfter: string | undefined): KubeError {
    const { message, reason, causes } = parseStatus(body);
    const seconds = retryAfter === undefined ? NaN : Number(retryAfter);
    return new KubeError('response', message ?? `the API server answered ${status}`, {
      status,
      reason,
      causes,
      retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null,
    });
  }
}

function parseStatus(body: string): { message?: string; reason?: string; causes?: KubeCause[] } {
  try {
    const status = JSON.parse(body) as {
      kind?: string;
      message?: string;
      reason?: string;
      details?: { causes?: { field?: string; message?: string }[] };
    };
    const { message, reason, details } = status;
    const causes = (details?.causes ?? []).map((cause) => ({ field: cause.field ?? '', message: cause.message ?? '' }));
    return status.kind === 'Status' ? { message, reason, causes } : {};
  } catch {
    // A proxy in between may answer with text or HTML.
    return body === '' ? {} : { message: body.slice(0, 500) };
  }
}

/** The Status that an ERROR event of a watch carries, as an error. */
export function watchError({ code, message, reason }: { code?: number; message?: string; reason?: string }): KubeError {
  return new KubeError('response', message ?? 'the watch failed', { status: code ?? 0, reason });
}

/** Whatever was thrown as a KubeError, so that callers decide on one type. */
export function asKubeError(error: unknown): KubeError {
  return error instanceof KubeError ? error : new KubeError('connection', (error as Error).message, { cause: error });
}

/** May the same call succeed later, unchanged? Conflicts are for the caller to judge. */
export function isTransient(error: KubeError): boolean {
  return error.failure !== 'response' || error.status === 429 || error.status === 401 || error.status >= 500;
}
