import { hash } from 'node:crypto';
import type { LogLine } from './log-lines.js';

/** Lines of one second, and how often each was told. */
type Second = Map<string, number>;

/** How far back a read begins again: the kubelet looks at whole seconds, and lines of two streams may cross. */
const OVERLAP_SECONDS = 1;

/**
 * How far a log has been told. A log is read again from some seconds before its newest line, and what was told then is
 * known by its time and text, so that no line is lost or doubled however often the stream breaks. Pure but for itself.
 */
export class LogCursor {
  /** The newest line told: its time as text, and in whole seconds. */
  private newest = { time: '', second: -Infinity };
  private readonly told = new Map<number, Second>();
  /** What the read under way will say again. */
  private repeated = new Map<number, Second>();
  private isFirst = false;
  private readonly clock = new SecondClock();

  /** Where to begin the next read; null: at the beginning. */
  since(): string | null {
    const { second } = this.newest;
    return Number.isFinite(second) ? new Date((second - OVERLAP_SECONDS) * 1000).toISOString() : null;
  }

  /** A read begins. */
  begin(): void {
    this.repeated = new Map([...this.told].map(([second, lines]) => [second, new Map(lines)]));
    this.isFirst = this.told.size > 0;
  }

  /** Is this line of the read under way new? Then it counts as told. */
  take(line: LogLine): boolean {
    const first = this.isFirst;
    this.isFirst = false;
    const second = this.clock.secondOf(line.time);
    const key = `${line.time} ${hash('sha1', line.text, 'base64')}`;
    const again = this.repeated.get(second);
    const times = again?.get(key) ?? 0;
    if (times > 0) {
      again?.set(key, times - 1);
      return false;
    }
    // A long line is written in parts with times of their own: the beginning of a read may fall between them.
    if (first && line.time <= this.newest.time) {
      return false;
    }
    this.remember(second, key, line.time);
    return true;
  }

  private remember(second: number, key: string, time: string): void {
    const lines = this.told.get(second) ?? new Map<string, number>();
    lines.set(key, (lines.get(key) ?? 0) + 1);
    this.told.set(second, lines);
    if (time > this.newest.time) {
      this.newest = { time, second };
    }
    for (const old of this.told.keys()) {
      if (old < this.newest.second - OVERLAP_SECONDS) {
        this.told.delete(old);
      }
    }
  }
}

/** Turns times into whole seconds; of most lines the second is that of the line before. */
class SecondClock {
  private prefix = '';
  private second = 0;

  secondOf(time: string): number {
    const prefix = time.slice(0, 19);
    if (prefix !== this.prefix) {
      this.prefix = prefix;
      const at = Date.parse(time);
      this.second = Number.isFinite(at) ? Math.floor(at / 1000) : this.second;
    }
    return this.second;
  }
}
