import { chmod, mkdir, rm } from 'node:fs/promises';
import net from 'node:net';
import { dirname } from 'node:path';
import { PROTOCOL_VERSION } from '../../../constructs/contract.js';
import type { Logger } from '../log.js';
import { encodeFrame, FrameDecoder, FrameError } from './frames.js';
import { type LauncherMessage, MessageError, parseShimMessage, type ShimMessage } from './messages.js';

type Hello = Extract<ShimMessage, { type: 'HELLO' }>;
type Send = (message: LauncherMessage) => void;

/** What the launcher does with what the shim says. */
export interface LinkHandler {
  /** The first frame of a connection that may go on. `send` works until `disconnected` is called with it. */
  hello(message: Hello, send: Send): void;
  message(message: Exclude<ShimMessage, Hello>): void;
  disconnected(send: Send): void;
}

/** Somebody who connects and says nothing would hold a connection for good. */
const HELLO_WITHIN_MS = 10_000;
/** A shim that does not read any more; what it missed is sent again when it comes back. */
const MAX_UNSENT_BYTES = 256 * 1024 * 1024;

/** Listens on the Unix socket; one shim at a time, a new one replaces the one before it. */
export class LinkServer {
  private readonly server: net.Server;
  private readonly sockets = new Set<net.Socket>();
  private current: net.Socket | null = null;

  constructor(
    private readonly path: string,
    private readonly deployment: string,
    private readonly handler: LinkHandler,
    private readonly log: Logger,
  ) {
    this.server = net.createServer((socket) => {
      this.accept(socket);
    });
  }

  /** @throws Error when another launcher listens on that path */
  async listen(): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true });
    if (await answers(this.path)) {
      throw new Error(`another launcher listens on ${this.path}`);
    }
    // A killed launcher leaves its socket file behind.
    await rm(this.path, { force: true });
    // The file must not be open to others for even a moment between its making and a chmod.
    const mask = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        this.server.once('error', reject);
        this.server.listen(this.path, resolve);
      });
    } finally {
      process.umask(mask);
    }
    await chmod(this.path, 0o600);
  }

  listening(): boolean {
    return this.server.listening;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) {
      socket.destroy();
    }
  }

  private accept(socket: net.Socket): void {
    this.sockets.add(socket);
    const connection = new Connection(socket, this.deployment, this.handler, this.log, () => {
      this.current?.destroy();
      this.current = socket;
    });
    socket.on('close', () => {
      this.sockets.delete(socket);
      if (this.current === socket) {
        this.current = null;
      }
      connection.closed();
    });
  }
}

class Connection {
  private readonly decoder = new FrameDecoder();
  private greeted = false;
  private over = false;
  private readonly impatience: NodeJS.Timeout;
  private flushing = false;

  constructor(
    private readonly socket: net.Socket,
    private readonly deployment: string,
    private readonly handler: LinkHandler,
    private readonly log: Logger,
    private readonly replace: () => void,
  ) {
    this.impatience = setTimeout(() => {
      this.refuse('protocol', `no HELLO within ${HELLO_WITHIN_MS} ms`);
    }, HELLO_WITHIN_MS);
    socket.on('data', (chunk) => {
      this.receive(chunk);
    });
    socket.on('error', (error) => {
      this.log.debug({ error: error.message }, 'socket error');
    });
  }

  closed(): void {
    clearTimeout(this.impatience);
    this.over = true;
    if (this.greeted) {
      this.handler.disconnected(this.send);
    }
  }

  /** A property, not a method: its identity is the connection's. */
  private readonly send: Send = (message) => {
    if (this.over) {
      return;
    }
    // Many events of one turn of the loop leave in one write.
    if (!this.flushing) {
      this.flushing = true;
      this.socket.cork();
      setImmediate(() => {
        this.flushing = false;
        this.socket.uncork();
      });
    }
    this.socket.write(encodeFrame(message));
    if (this.socket.writableLength > MAX_UNSENT_BYTES) {
      this.log.error({ unsent: this.socket.writableLength }, 'the executor does not read, closing');
      this.over = true;
      this.socket.destroy();
    }
  };

  private receive(chunk: Buffer): void {
    if (this.over) {
      return;
    }
    try {
      for (const message of this.decoder.push(chunk)) {
        this.dispatch(message);
      }
    } catch (error) {
      if (!(error instanceof FrameError)) {
        throw error;
      }
      this.refuse('protocol', error.message);
    }
  }

  private dispatch(raw: Record<string, unknown>): void {
    if (this.isOver()) {
      return;
    }
    try {
      const message = parseShimMessage(raw);
      if (message.type === 'HELLO') {
        this.greet(message);
      } else if (this.greeted) {
        this.handler.message(message);
      } else {
        this.refuse('protocol', `the first frame must be HELLO, not ${message.type}`);
      }
    } catch (error) {
      if (!(error instanceof MessageError)) {
        // A frame that brings out a fault of ours would come again after a restart: it must not end the launcher.
        this.log.error({ err: error, type: raw.type }, 'a frame could not be handled');
        this.send({ type: 'ERROR', code: 'internal', message: `${String(raw.type)}: ${(error as Error).message}` });
        return;
      }
      if (this.greeted) {
        this.log.warn({ error: error.message }, 'bad frame');
        this.send({ type: 'ERROR', code: error.code, message: error.message });
      } else {
        this.refuse('protocol', error.message);
      }
    }
  }

  private greet(hello: Hello): void {
    if (hello.protocol !== PROTOCOL_VERSION) {
      const both = `this launcher speaks protocol ${PROTOCOL_VERSION}, the executor ${hello.protocol}`;
      this.refuse('protocol', `${both}: both must come from the same image`);
    } else if (hello.deployment !== this.deployment) {
      const both = `this launcher serves deployment '${this.deployment}', not '${hello.deployment}'`;
      this.refuse('deployment', `${both}: check the launch policy and the executor's environment`);
    } else if (this.greeted) {
      this.refuse('protocol', 'a second HELLO on one connection');
    } else {
      clearTimeout(this.impatience);
      this.greeted = true;
      this.replace();
      this.handler.hello(hello, this.send);
    }
  }

  private refuse(code: 'protocol' | 'deployment', message: string): void {
    this.log.warn({ code, error: message }, 'connection refused');
    this.send({ type: 'ERROR', code, message });
    this.over = true;
    this.socket.end();
  }

  /** A method, because `over` may change while one chunk's messages are handled. */
  private isOver(): boolean {
    return this.over;
  }
}

/** Does a process listen there? */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => {
      resolve(false);
    });
  });
}
