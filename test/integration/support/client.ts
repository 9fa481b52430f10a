import { once } from 'node:events';
import net from 'node:net';
import { PROTOCOL_VERSION } from '../../../constructs/contract.js';
import { encodeFrame, FrameDecoder } from '../../../src/runtime/link/frames.js';
import type { EventKind, LauncherMessage, LaunchSpec } from '../../../src/runtime/link/messages.js';
import { until } from './until.js';

export type LauncherEvent = Extract<LauncherMessage, { type: 'EVENT' }>;
type Answer<Type extends LauncherMessage['type']> = Extract<LauncherMessage, { type: Type }>;

export interface ClientOptions {
  readonly deployment: string;
  readonly jobId?: string;
  readonly bootId?: string | null;
  readonly ackedSeq?: number;
  /** Acknowledge each event as it comes; default true. */
  readonly acknowledge?: boolean;
}

const TERMINAL: readonly EventKind[] = ['SUCCEEDED', 'FAILED', 'LOST', 'CREATE_FAILED'];
const LEASE_MS = 12_000;
const CONNECT_ATTEMPTS = 50;
const CONNECT_PAUSE_MS = 20;

/** The executor's side of docs/protocol.md, for tests: says HELLO, keeps the lease, collects what it is told. */
export class TestClient {
  readonly events: LauncherEvent[] = [];
  readonly others: Exclude<LauncherMessage, LauncherEvent>[] = [];
  closed = false;
  private readonly decoder = new FrameDecoder();
  private lease: NodeJS.Timeout | undefined;
  private requests = 0;
  private acknowledged = 0;

  private constructor(
    private readonly socket: net.Socket,
    private readonly options: ClientOptions,
  ) {
    socket.on('data', (chunk) => {
      for (const message of this.decoder.push(chunk)) {
        this.receive(message as unknown as LauncherMessage);
      }
    });
    socket.on('close', () => {
      this.closed = true;
      clearInterval(this.lease);
    });
    socket.on('error', () => undefined);
  }

  /** Connects and waits for WELCOME. */
  static async connect(path: string, options: ClientOptions): Promise<TestClient> {
    const socket = await connected(path);
    const client = new TestClient(socket, options);
    client.send({
      type: 'HELLO',
      protocol: PROTOCOL_VERSION,
      deployment: options.deployment,
      jobId: options.jobId ?? '1',
      bootId: options.bootId ?? null,
      ackedSeq: options.ackedSeq ?? 0,
    });
    await until('WELCOME or ERROR', () => client.others.length > 0);
    return client;
  }

  send(message: object): void {
    this.socket.write(encodeFrame(message));
  }

  welcome(): Answer<'WELCOME'> {
    return this.last('WELCOME');
  }

  async synced(): Promise<void> {
    await until('synced', () => this.welcome().synced);
  }

  /** Keeps the lease alive until the connection ends or `dropLease`. */
  holdLease(ttlMs = LEASE_MS): void {
    this.send({ type: 'LEASE', ttlMs });
    this.lease = setInterval(() => {
      this.send({ type: 'LEASE', ttlMs });
    }, ttlMs / 3);
  }

  dropLease(): void {
    clearInterval(this.lease);
    this.send({ type: 'LEASE', ttlMs: 0 });
  }

  launch(launches: readonly LaunchSpec[]): void {
    this.send({ type: 'LAUNCH', launches });
  }

  revoke(ids: readonly string[]): void {
    this.send({ type: 'REVOKE', launches: ids.map((id) => ({ id })) });
  }

  async adopt(ids: readonly string[]): Promise<Answer<'ADOPTED'>> {
    const request = (this.requests += 1);
    this.send({ type: 'ADOPT', request, launches: ids.map((id) => ({ id })) });
    await until('ADOPTED', () => this.others.some((one) => one.type === 'ADOPTED' && one.request === request));
    return this.last('ADOPTED');
  }

  async resync(launches: readonly { id: string; attempt: number }[]): Promise<Answer<'RESYNCED'>> {
    const request = (this.requests += 1);
    this.send({ type: 'RESYNC', request, launches });
    await until('RESYNCED', () => this.others.some((one) => one.type === 'RESYNCED' && one.request === request));
    return this.last('RESYNCED');
  }

  /** Acknowledges everything that was told so far. */
  acknowledgeAll(): void {
    this.acknowledged = this.events.at(-1)?.seq ?? 0;
    this.send({ type: 'ACK', seq: this.acknowledged });
  }

  ackedSeq(): number {
    return this.acknowledged;
  }

  terminal(): LauncherEvent[] {
    return this.events.filter((event) => TERMINAL.includes(event.kind));
  }

  of(id: string): LauncherEvent[] {
    return this.events.filter((event) => event.id === id);
  }

  /** Kinds told of a launch, in order. */
  kinds(id: string): EventKind[] {
    return this.of(id).map((event) => event.kind);
  }

  close(): void {
    clearInterval(this.lease);
    this.socket.destroy();
  }

  private last<Type extends LauncherMessage['type']>(type: Type): Answer<Type> {
    const found = this.others.findLast((message) => (message.type as LauncherMessage['type']) === type);
    if (found === undefined) {
      throw new Error(`no ${type}; got ${JSON.stringify(this.others)}`);
    }
    return found as unknown as Answer<Type>;
  }

  private receive(message: LauncherMessage): void {
    if (message.type !== 'EVENT') {
      this.others.push(message);
      return;
    }
    this.events.push(message);
    if (this.options.acknowledge !== false) {
      this.acknowledged = message.seq;
      this.send({ type: 'ACK', seq: message.seq });
    }
  }
}

/** The socket is there a moment before the launcher listens on it. */
async function connected(path: string): Promise<net.Socket> {
  for (let attempt = 1; ; attempt += 1) {
    const socket = net.connect(path);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED' || attempt === CONNECT_ATTEMPTS) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, CONNECT_PAUSE_MS));
    }
  }
}
