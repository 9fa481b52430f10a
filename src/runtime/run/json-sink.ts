import { createWriteStream } from 'node:fs';
import type { EventSink } from './events.js';

/** Where lines go that somebody reads or does not read. */
export interface Output {
  /** @returns false: no more for now */
  write(text: string): boolean;
  ready(): Promise<void>;
  /** The reader is gone. */
  onGone(listener: () => void): void;
  /** Resolves when everything is written. */
  end(): Promise<void>;
}

const STDOUT = 1;
const BUFFERED_BYTES = 1024 * 1024;

/**
 * Standard output, written beside the event loop: `process.stdout` writes pipes synchronously, and a reader that does not
 * read would keep this process from hearing a SIGTERM.
 */
export function openOutput(): Output {
  const stream = createWriteStream('', { fd: STDOUT, autoClose: false, highWaterMark: BUFFERED_BYTES });
  let gone = false;
  const listeners: (() => void)[] = [];
  let waiting: (() => void)[] = [];
  const letGo = (): void => {
    const now = waiting;
    waiting = [];
    for (const goOn of now) {
      goOn();
    }
  };
  stream.on('drain', letGo);
  stream.on('error', () => {
    gone = true;
    for (const listener of listeners) {
      listener();
    }
    letGo();
  });
  return {
    write: (text) => gone || stream.write(text),
    ready: () =>
      gone || !stream.writableNeedDrain ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve)),
    onGone: (listener) => listeners.push(listener),
    end: () =>
      new Promise((resolve) => {
        if (gone) {
          resolve();
        } else {
          stream.on('error', () => {
            resolve();
          });
          stream.end(() => {
            resolve();
          });
        }
      }),
  };
}

/** Events as JSON, one a line. */
export class JsonSink<E extends object> implements EventSink<E> {
  constructor(private readonly output: Output) {}

  tell(event: E): boolean {
    return this.output.write(`${JSON.stringify(event)}\n`);
  }

  ready(): Promise<void> {
    return this.output.ready();
  }
}
