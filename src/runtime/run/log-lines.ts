/** One line of a log that was asked for with timestamps. */
export interface LogLine {
  /** As the runtime wrote it, RFC 3339 with nanoseconds. */
  readonly time: string;
  readonly text: Buffer;
}

const NEWLINE = 10;
const BLANK = 32;
/** A container that never ends its line must not fill the memory: such a line is told in pieces of this size. */
export const MAX_LINE_BYTES = 8 * 1024 * 1024;

/** Cuts the bytes of a log into its lines. */
export class LogLines {
  private rest: Buffer[] = [];
  private restBytes = 0;
  /** Of the line whose first pieces have been told. */
  private pieceOf: string | null = null;

  constructor(private readonly onLine: (line: LogLine) => void) {}

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      this.rest.push(chunk.subarray(from, at));
      this.tell();
      this.pieceOf = null;
      from = at + 1;
    }
    if (from < chunk.length) {
      this.rest.push(chunk.subarray(from));
      this.restBytes += chunk.length - from;
      if (this.restBytes >= MAX_LINE_BYTES) {
        this.pieceOf = this.tell();
      }
    }
  }

  /** What has come of a line whose end has not; null: nothing. */
  unfinished(): LogLine | null {
    return this.restBytes > 0 ? this.parse(Buffer.concat(this.rest)) : null;
  }

  private tell(): string {
    const bytes = this.rest.length === 1 ? (this.rest[0] ?? Buffer.alloc(0)) : Buffer.concat(this.rest);
    this.rest = [];
    this.restBytes = 0;
    const line = this.parse(bytes);
    this.onLine(line);
    return line.time;
  }

  private parse(bytes: Buffer): LogLine {
    if (this.pieceOf !== null) {
      return { time: this.pieceOf, text: bytes };
    }
    const blank = bytes.indexOf(BLANK);
    // The time alone: an empty line.
    const time = (blank === -1 ? bytes : bytes.subarray(0, blank)).toString('latin1');
    return { time, text: blank === -1 ? Buffer.alloc(0) : bytes.subarray(blank + 1) };
  }
}
