import { connect, type Environment } from './kube/connect.js';
import { KubeClient } from './kube/client.js';
import type { GlobalArgs } from './options.js';

/** What a command works with: its cluster, where its result goes, and when to stop. */
export class Session {
  private connected: KubeClient | undefined;

  constructor(
    readonly args: GlobalArgs,
    /** Aborts at Ctrl-C and at SIGTERM. */
    readonly signal: AbortSignal,
    readonly env: Environment = process.env,
  ) {}

  get namespace(): string {
    return this.args.namespace;
  }

  get release(): string {
    return this.args.release;
  }

  /**
   * The cluster that was named. Nothing is connected before a command asks for it.
   * @throws CliError CLUSTER if none was named
   */
  get client(): KubeClient {
    this.connected ??= new KubeClient(connect(this.args.context, this.env));
    return this.connected;
  }

  /** Writes the result to stdout: JSON or text, as asked. */
  print(json: unknown, text: () => string): void {
    process.stdout.write(this.args.output === 'json' ? `${JSON.stringify(json, undefined, 2)}\n` : withNewline(text()));
  }
}

function withNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
