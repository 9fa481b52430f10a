import type { JobEvent, JobSink } from './events.js';
import type { JobTail } from './request.js';

type Line = Extract<JobEvent, { type: 'log' }>;

/** What waits to be told may not fill the memory. */
const MAX_BYTES = 8 * 1024 * 1024;

/** Lines of one container that wait to be told. */
interface Waiting {
  lines: Line[];
  bytes: number;
  /** Older ones that are not told. */
  skipped: number;
}

/** Holds the lines of logs back, and tells the newest of them from time to time; no line is told twice. */
export class TailSink implements JobSink {
  private readonly waiting = new Map<string, Waiting>();
  private readonly timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly sink: JobSink,
    private readonly tail: JobTail,
  ) {
    const { everySeconds, onlyAtEnd } = tail;
    this.timer =
      everySeconds === null || onlyAtEnd
        ? undefined
        : setInterval(() => {
            this.flush();
          }, everySeconds * 1000);
  }

  tell(event: JobEvent): boolean {
    if (event.type !== 'log') {
      return this.sink.tell(event);
    }
    const { everySeconds, lines, onlyAtEnd } = this.tail;
    if (lines === null && (everySeconds === null || onlyAtEnd)) {
      return this.sink.tell(event);
    }
    this.hold(event);
    return true;
  }

  ready(): Promise<void> {
    return this.sink.ready();
  }

  /** Tells what has not been told. */
  end(): void {
    clearInterval(this.timer);
    this.flush();
  }

  private hold(event: Line): void {
    const key = `${event.pod} ${event.container}`;
    const held = this.waiting.get(key) ?? { lines: [], bytes: 0, skipped: 0 };
    this.waiting.set(key, held);
    held.lines.push(event);
    held.bytes += event.line.length;
    const isFull = (): boolean => held.lines.length > (this.tail.lines ?? Infinity);
    while (isFull() || (held.bytes > MAX_BYTES && this.tail.lines !== null && held.lines.length > 1)) {
      held.bytes -= held.lines.shift()?.line.length ?? 0;
      held.skipped += 1;
    }
    if (held.bytes > MAX_BYTES) {
      this.flush();
    }
  }

  private flush(): void {
    for (const { lines, skipped } of this.waiting.values()) {
      const [first] = lines;
      if (skipped > 0 && first !== undefined) {
        this.sink.tell({ ...first, line: `(${skipped} older lines are not shown)` });
      }
      lines.forEach((line) => this.sink.tell(line));
    }
    this.waiting.clear();
  }
}
