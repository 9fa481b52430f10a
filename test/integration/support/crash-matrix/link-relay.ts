import net from 'node:net';
import { rmSync } from 'node:fs';
import type { LauncherMessage } from '../../../../src/runtime/link/messages.js';
import { encodeFrame, FrameDecoder } from '../../../../src/runtime/link/frames.js';

/** A frame on its way, as far as kill points look at it. */
export type Passing = { readonly from: 'executor' | 'launcher' } & (
  Extract<LauncherMessage, { type: 'EVENT' }> | { readonly type: string; readonly kind?: undefined }
);

/** Stands between executor and launcher, and sees each frame before it arrives. */
export class LinkRelay {
  /** Decides about each frame: `lose` it, or pass it on. */
  passing: (frame: Passing) => 'pass' | 'lose' = () => 'pass';
  /** Ids of all launches that passed. */
  readonly sent = new Set<string>();
  private readonly server: net.Server;
  private readonly sockets = new Set<net.Socket>();

  constructor(
    readonly path: string,
    private readonly launcher: string,
  ) {
    this.server = net.createServer((executor) => {
      this.connect(executor);
    });
  }

  async listen(): Promise<this> {
    rmSync(this.path, { force: true });
    await new Promise<void>((resolve) => this.server.listen(this.path, resolve));
    return this;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) {
      socket.destroy();
    }
  }

  private connect(executor: net.Socket): void {
    const launcher = net.connect(this.launcher);
    this.pipe('executor', executor, launcher);
    this.pipe('launcher', launcher, executor);
  }

  private pipe(from: Passing['from'], source: net.Socket, target: net.Socket): void {
    const decoder = new FrameDecoder();
    this.sockets.add(source);
    source.on('data', (chunk) => {
      for (const message of decoder.push(chunk)) {
        if (message.type === 'LAUNCH') {
          (message as { launches: { id: string }[] } & typeof message).launches.forEach(({ id }) => this.sent.add(id));
        }
        if (this.passing({ from, ...(message as { type: string }) }) === 'pass' && !target.destroyed) {
          target.write(encodeFrame(message));
        }
      }
    });
    source.on('error', () => undefined);
    source.on('close', () => {
      this.sockets.delete(source);
      target.destroy();
    });
  }
}
