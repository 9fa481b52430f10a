import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { until } from '../../test/integration/support/until.js';
import { script } from './airflow-home.js';
import { killGroup, track } from './children.js';

const message = z.discriminatedUnion('event', [
  z.object({ event: z.literal('ready'), at: z.number(), watchers: z.array(z.number()) }),
  z.object({ event: z.literal('started'), at: z.number() }),
  z.object({ event: z.literal('launched'), at: z.number() }),
  z.object({ event: z.literal('created'), at: z.number() }),
  z.object({ event: z.literal('ended'), at: z.number() }),
  z.object({
    event: z.literal('done'),
    at: z.number(),
    firstHeartbeatMs: z.number(),
    heartbeatsMs: z.array(z.number()),
    cpuSeconds: z.number(),
    pssBytes: z.number(),
  }),
]);
type Message = z.infer<typeof message>;
type MessageOf<Event extends Message['event']> = Extract<Message, { event: Event }>;

/** A Python process whose scheduler loop turns over so many queued workloads (bench/executors/drive.py). */
export class ExecutorProcess {
  private readonly messages: Message[] = [];
  private errors = '';
  private readonly child: ChildProcessWithoutNullStreams;

  constructor(python: string, contender: 'launcher' | 'stock', count: number, env: Record<string, string>) {
    this.child = track(
      spawn(python, [script('drive.py'), contender, String(count)], {
        env,
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: true,
      }),
    );
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) {
        this.messages.push(message.parse(JSON.parse(line)));
      }
    });
    this.child.stderr.on('data', (chunk: Buffer) => (this.errors = (this.errors + chunk.toString()).slice(-4000)));
    this.child.stdin.on('error', () => undefined);
  }

  /** @throws Error when the process ends first or the time is up */
  async said<Event extends Message['event']>(event: Event, timeoutMs: number): Promise<MessageOf<Event>> {
    const find = (): MessageOf<Event> | undefined =>
      this.messages.find((one): one is MessageOf<Event> => one.event === event);
    await until(`the executor to say ${event}`, () => find() !== undefined || this.child.exitCode !== null, {
      timeoutMs,
      state: () => this.errors,
    });
    const found = find();
    if (found === undefined) {
      throw new Error(`the executor ended with ${this.child.exitCode} before ${event}:\n${this.errors}`);
    }
    return found;
  }

  /** Lets it go on: from `ready` to start, then to stop. */
  next(): void {
    this.child.stdin.write('\n');
  }

  kill(): void {
    killGroup(this.child);
  }
}
