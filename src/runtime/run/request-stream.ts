import { ConfigError } from '../config/errors.js';

/** What comes after the request. */
export interface StreamListener {
  readonly onKill: () => void;
  /** Nobody writes any more. */
  readonly onEnd: () => void;
}

const NEWLINE = 10;

/** Standard input of `run-pod --json`: the request in the first line, then orders, one a line. */
export class RequestStream {
  private rest = Buffer.alloc(0);
  private ended = false;
  private wake: () => void = () => undefined;

  constructor(input: NodeJS.ReadableStream) {
    input.on('data', (chunk: Buffer) => {
      this.rest = Buffer.concat([this.rest, chunk]);
      this.wake();
    });
    const end = (): void => {
      this.ended = true;
      this.wake();
    };
    input.on('end', end);
    input.on('error', end);
  }

  async firstLine(): Promise<string> {
    while (!this.ended && !this.rest.includes(NEWLINE)) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return this.take() ?? this.rest.toString('utf8');
  }

  follow(listener: StreamListener): void {
    const look = (): void => {
      for (let line = this.take(); line !== null; line = this.take()) {
        if (isKill(line)) {
          listener.onKill();
        }
      }
      if (this.ended) {
        listener.onEnd();
      }
    };
    this.wake = look;
    look();
  }

  private take(): string | null {
    const at = this.rest.indexOf(NEWLINE);
    if (at === -1) {
      return null;
    }
    const line = this.rest.subarray(0, at).toString('utf8');
    this.rest = this.rest.subarray(at + 1);
    return line;
  }
}

function isKill(line: string): boolean {
  try {
    return (JSON.parse(line) as { type?: unknown }).type === 'kill';
  } catch {
    return false;
  }
}

/** @throws ConfigError when it is not JSON */
export function readRequestLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new ConfigError([{ file: 'request', field: '', message: `is not JSON: ${(error as Error).message}` }]);
  }
}
