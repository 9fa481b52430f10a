import type { JobEvent, JobSink } from '../../../src/runtime/job/events.js';
import type { JobTail } from '../../../src/runtime/job/request.js';
import { TailSink } from '../../../src/runtime/job/tail.js';

const event = (line: string, pod = 'p'): JobEvent => ({
  type: 'log',
  pod,
  label: null,
  container: 'base',
  time: '',
  line,
});

describe('the tail of logs', () => {
  let told: string[];
  const sinkOf = (tail: Partial<JobTail>): TailSink => {
    told = [];
    const sink: JobSink = {
      tell: (one) => told.push(one.type === 'log' ? `${one.pod} ${one.line}` : one.type) > 0,
      ready: () => Promise.resolve(),
    };
    return new TailSink(sink, { everySeconds: null, lines: null, onlyAtEnd: false, ...tail });
  };

  test('has the newest lines of each container, and says how many it leaves out', () => {
    const tail = sinkOf({ lines: 2 });
    ['1', '2', '3', '4'].forEach((line) => tail.tell(event(line)));
    tail.tell(event('only', 'q'));
    tail.tell({ type: 'warning', message: 'now' });
    expect(told).toEqual(['warning']);
    tail.end();
    expect(told).toEqual(['warning', 'p (2 older lines are not shown)', 'p 3', 'p 4', 'q only']);
  });

  test('tells no line twice', () => {
    jest.useFakeTimers();
    const tail = sinkOf({ everySeconds: 60, lines: 10 });
    tail.tell(event('1'));
    jest.advanceTimersByTime(60_000);
    tail.tell(event('2'));
    jest.advanceTimersByTime(60_000);
    tail.end();
    jest.useRealTimers();
    expect(told).toEqual(['p 1', 'p 2']);
  });

  test('holds nothing back that is asked for as it comes', () => {
    const tail = sinkOf({});
    tail.tell(event('1'));
    expect(told).toEqual(['p 1']);
    tail.end();
  });

  test('does not fill the memory', () => {
    const tail = sinkOf({ everySeconds: 3600 });
    const long = 'x'.repeat(1024 * 1024);
    for (let at = 0; at < 9; at += 1) {
      tail.tell(event(long));
    }
    expect(told).toHaveLength(9);
    tail.end();
  });
});
