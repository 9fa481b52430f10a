import { LogCursor } from '../../../src/runtime/run/log-cursor.js';
import { type LogLine, LogLines, MAX_LINE_BYTES } from '../../../src/runtime/run/log-lines.js';

/** One read of a log, as the kubelet answers it. */
function read(cursor: LogCursor, log: string): string[] {
  const told: string[] = [];
  cursor.begin();
  const lines = new LogLines((line) => {
    if (cursor.take(line)) {
      told.push(line.text.toString());
    }
  });
  lines.push(Buffer.from(log));
  return told;
}

const at = (second: number, fraction: string, text: string): string =>
  `2026-01-01T00:00:0${second}.${fraction}Z ${text}\n`;

describe('a log that is read again', () => {
  test('is told once, from the second before its newest line on', () => {
    const cursor = new LogCursor();
    expect(cursor.since()).toBeNull();
    const first = at(1, '000000001', 'a') + at(2, '000000001', 'b') + at(2, '000000002', 'b');
    expect(read(cursor, first)).toEqual(['a', 'b', 'b']);
    expect(cursor.since()).toBe('2026-01-01T00:00:01.000Z');
    expect(read(cursor, first + at(2, '000000003', 'c'))).toEqual(['c']);
    expect(read(cursor, first + at(2, '000000003', 'c') + at(4, '1', 'd'))).toEqual(['d']);
  });

  test('tells the same line twice when it was written twice in one moment', () => {
    const cursor = new LogCursor();
    const twice = at(1, '5', 'x') + at(1, '5', 'x');
    expect(read(cursor, twice)).toEqual(['x', 'x']);
    expect(read(cursor, twice + at(1, '5', 'x'))).toEqual(['x']);
  });

  test('tells a line that was written late, beside a newer one of the other stream', () => {
    const cursor = new LogCursor();
    expect(read(cursor, at(2, '9', 'newer'))).toEqual(['newer']);
    expect(read(cursor, at(2, '9', 'newer') + at(2, '8', 'late'))).toEqual(['late']);
  });

  test('does not tell the end of a long line whose beginning is too old to be read again', () => {
    const cursor = new LogCursor();
    expect(read(cursor, at(1, '9', 'long line') + at(2, '5', 'next'))).toEqual(['long line', 'next']);
    expect(read(cursor, at(2, '0', 'line') + at(2, '5', 'next') + at(2, '6', 'new'))).toEqual(['new']);
  });

  test('tells everything after it was rotated', () => {
    const cursor = new LogCursor();
    read(cursor, at(1, '0', 'old'));
    expect(read(cursor, at(3, '0', 'fresh') + at(3, '1', 'file'))).toEqual(['fresh', 'file']);
  });
});

describe('the lines of a log', () => {
  const cut = (...chunks: string[]): LogLine[] => {
    const lines: LogLine[] = [];
    const splitter = new LogLines((line) => lines.push(line));
    for (const chunk of chunks) {
      splitter.push(Buffer.from(chunk));
    }
    const unfinished = splitter.unfinished();
    return unfinished === null ? lines : [...lines, unfinished];
  };
  const texts = (lines: LogLine[]): string[] => lines.map(({ text }) => text.toString());

  test('are cut at newlines, wherever the chunks end', () => {
    expect(texts(cut('t1 a', 'b\nt2', ' \nt3\nt4 c d'))).toEqual(['ab', '', '', 'c d']);
    expect(cut('t1 ab\n')[0]?.time).toBe('t1');
  });

  test('come in pieces when they do not end', () => {
    const lines = cut(`t1 ${'x'.repeat(MAX_LINE_BYTES)}`, 'yz\nt2 next\n');
    expect(lines.map(({ time }) => time)).toEqual(['t1', 't1', 't2']);
    expect(texts(lines).slice(1)).toEqual(['yz', 'next']);
  });
});
