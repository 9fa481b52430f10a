/**
 * The wire form of docs/protocol.md: 4 bytes of big-endian length, then UTF-8 JSON. No I/O here.
 */

/** Largest frame that either side accepts, in bytes. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024;

const HEADER_BYTES = 4;

/** The peer broke the framing; the connection cannot go on. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** One frame as it goes over the socket. */
export function encodeFrame(message: object): Buffer {
  const json = JSON.stringify(message);
  const length = Buffer.byteLength(json);
  if (length > MAX_FRAME_BYTES) {
    throw new FrameError(`frame of ${length} bytes is larger than the limit of ${MAX_FRAME_BYTES}`);
  }
  const frame = Buffer.allocUnsafe(HEADER_BYTES + length);
  frame.writeUInt32BE(length, 0);
  frame.write(json, HEADER_BYTES);
  return frame;
}

/** Cuts a byte stream into messages. One decoder per connection. */
export class FrameDecoder {
  private chunks: Buffer[] = [];
  private buffered = 0;

  constructor(private readonly maxBytes = MAX_FRAME_BYTES) {}

  /**
   * Takes the next bytes and returns the messages they complete.
   * @throws FrameError when a frame is too large, is not JSON, or is not an object with a string `type`.
   */
  push(chunk: Buffer): Record<string, unknown>[] {
    this.chunks.push(chunk);
    this.buffered += chunk.length;
    const messages: Record<string, unknown>[] = [];
    for (let length = this.nextLength(); length !== null; length = this.nextLength()) {
      if (this.buffered < HEADER_BYTES + length) {
        break;
      }
      const bytes = this.take(HEADER_BYTES + length);
      messages.push(parseMessage(bytes.toString('utf8', HEADER_BYTES)));
    }
    return messages;
  }

  private nextLength(): number | null {
    if (this.buffered < HEADER_BYTES) {
      return null;
    }
    const first = this.chunks[0];
    if (first === undefined || first.length < HEADER_BYTES) {
      this.compact();
    }
    const length = this.chunks[0]?.readUInt32BE(0) ?? 0;
    if (length > this.maxBytes) {
      throw new FrameError(`frame of ${length} bytes is larger than the limit of ${this.maxBytes}`);
    }
    return length;
  }

  /** A large frame arrives in many chunks: they are joined once, when it is complete. */
  private take(bytes: number): Buffer {
    if ((this.chunks[0]?.length ?? 0) < bytes) {
      this.compact();
    }
    const first = this.chunks[0] ?? Buffer.alloc(0);
    const rest = first.subarray(bytes);
    if (rest.length > 0) {
      this.chunks[0] = rest;
    } else {
      this.chunks.shift();
    }
    this.buffered -= bytes;
    return first.subarray(0, bytes);
  }

  private compact(): void {
    this.chunks = [Buffer.concat(this.chunks)];
  }
}

function parseMessage(json: string): Record<string, unknown> {
  let message: unknown;
  try {
    message = JSON.parse(json);
  } catch (error) {
    throw new FrameError(`frame is not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message) || !('type' in message)) {
    throw new FrameError('frame is not an object with a type');
  }
  if (typeof message.type !== 'string') {
    throw new FrameError('the type of a frame must be a string');
  }
  return message;
}
