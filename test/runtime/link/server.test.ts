import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFrame, FrameDecoder } from '../../../src/runtime/link/frames.js';
import type { LauncherMessage, ShimMessage } from '../../../src/runtime/link/messages.js';
import { type LinkHandler, LinkServer } from '../../../src/runtime/link/server.js';

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const HELLO = { type: 'HELLO', protocol: 1, deployment: 'airflow', jobId: '1', bootId: null, ackedSeq: 0 };

class Recorder implements LinkHandler {
  readonly said: ShimMessage[] = [];
  readonly connections: ((message: LauncherMessage) => void)[] = [];
  ended = 0;

  hello(message: ShimMessage, send: (message: LauncherMessage) => void): void {
    this.said.push(message);
    this.connections.push(send);
    send({ type: 'WELCOME', protocol: 1, bootId: 'boot', synced: true, version: '0' });
  }
  message(message: ShimMessage): void {
    this.said.push(message);
  }
  disconnected(): void {
    this.ended += 1;
  }
}

/** Sends frames and collects the answers until `count` of them are there or the connection ends. */
function talk(
  path: string,
  frames: readonly Buffer[],
  count: number,
): Promise<{ answers: unknown[]; closed: boolean }> {
  return new Promise((resolve) => {
    const decoder = new FrameDecoder();
    const answers: unknown[] = [];
    const socket = net.connect(path, () => {
      frames.forEach((frame) => socket.write(frame));
    });
    socket.on('data', (chunk) => {
      answers.push(...decoder.push(chunk));
      if (answers.length >= count) {
        socket.end();
      }
    });
    socket.on('close', () => {
      resolve({ answers, closed: true });
    });
  });
}

describe('the socket', () => {
  let folder: string;
  let path: string;
  let handler: Recorder;
  let server: LinkServer;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'link-'));
    path = join(folder, 'launcher.sock');
    handler = new Recorder();
    server = new LinkServer(path, 'airflow', handler, SILENT);
    // What a killed launcher leaves behind.
    writeFileSync(path, '');
    await server.listen();
  });

  afterEach(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  test('is for its user alone, and replaces what a killed launcher left', () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(path).isSocket()).toBe(true);
  });

  test('is not taken from a launcher that lives', async () => {
    await expect(new LinkServer(path, 'airflow', handler, SILENT).listen()).rejects.toThrow('another launcher listens');
  });

  test('answers HELLO and passes on what follows', async () => {
    const { answers } = await talk(path, [encodeFrame(HELLO), encodeFrame({ type: 'LEASE', ttlMs: 5 })], 1);
    expect(answers).toMatchObject([{ type: 'WELCOME', bootId: 'boot' }]);
    expect(handler.said).toEqual([HELLO, { type: 'LEASE', ttlMs: 5 }]);
  });

  test.each([
    ['another protocol', { ...HELLO, protocol: 9 }, 'protocol', 'the executor 9'],
    ['another deployment', { ...HELLO, deployment: 'b' }, 'deployment', `serves deployment 'airflow', not 'b'`],
    ['no HELLO first', { type: 'DRAIN' }, 'protocol', 'the first frame must be HELLO'],
  ])('refuses %s and closes', async (_, frame, code, message) => {
    const { answers } = await talk(path, [encodeFrame(frame)], 99);
    expect(answers).toEqual([{ type: 'ERROR', code, message: expect.stringContaining(message) as string }]);
    expect(handler.said).toEqual([]);
  });

  test('answers a bad frame after HELLO and goes on', async () => {
    const frames = [HELLO, { type: 'NEWS' }, { type: 'ACK' }].map((frame) => encodeFrame(frame));
    const { answers } = await talk(path, frames, 3);
    expect(answers.slice(1)).toMatchObject([
      { type: 'ERROR', code: 'unknown-type' },
      { type: 'ERROR', code: 'frame', message: `ACK: 'seq' (missing) must be a number` },
    ]);
  });

  test.each([
    ['a frame above the limit', Buffer.from([0xff, 0xff, 0xff, 0xff, 1]), 'larger than the limit of 67108864'],
    ['bytes that are no JSON', Buffer.from([0, 0, 0, 2, 0x7b, 0x7b]), 'frame is not JSON'],
    ['text that is no object', Buffer.from([0, 0, 0, 2, 0x5b, 0x5d]), 'not an object with a type'],
  ])('says what is wrong with %s, closes, and serves the next connection', async (_, bytes, message) => {
    for (const frames of [[bytes], [encodeFrame(HELLO), bytes]]) {
      const { answers } = await talk(path, frames, 99);
      expect(answers.at(-1)).toEqual({
        type: 'ERROR',
        code: 'protocol',
        message: expect.stringContaining(message) as string,
      });
    }
    const { answers } = await talk(path, [encodeFrame(HELLO)], 1);
    expect(answers).toMatchObject([{ type: 'WELCOME' }]);
  });

  test.each([
    ['text that is no JSON', '{"type":'],
    ['a list', '[]'],
    ['an object without a type', '{}'],
  ])('closes on %s, and takes the next connection', async (_, text) => {
    const frame = Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
    const { answers } = await talk(path, [encodeFrame(HELLO), frame], 99);
    expect(answers.at(-1)).toMatchObject({ type: 'ERROR', code: 'protocol' });
    expect((await talk(path, [encodeFrame(HELLO)], 1)).answers).toMatchObject([{ type: 'WELCOME' }]);
  });

  test('answers a frame that it cannot handle for a fault of its own, and goes on', async () => {
    handler.message = () => {
      throw new TypeError('unforeseen');
    };
    const frames = [HELLO, { type: 'DRAIN' }, { type: 'ACK' }].map((frame) => encodeFrame(frame));
    const { answers } = await talk(path, frames, 3);
    expect(answers.slice(1)).toMatchObject([
      { type: 'ERROR', code: 'internal', message: 'DRAIN: unforeseen' },
      { type: 'ERROR', code: 'frame' },
    ]);
  });

  test('lets a new connection replace the one before it', async () => {
    const first = talk(path, [encodeFrame(HELLO)], 99);
    while (handler.said.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await talk(path, [encodeFrame({ ...HELLO, jobId: '2' })], 1);
    expect((await first).closed).toBe(true);
  });
});
