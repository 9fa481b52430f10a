import { describeEvents } from '../../../src/runtime/pods/events.js';

describe('the events of a pod, for people', () => {
  test('come as lines, the oldest first, whichever of its times an event carries', () => {
    const lines = describeEvents([
      {
        type: 'Warning',
        reason: 'BackOff',
        message: 'Back-off pulling\n image "x"',
        count: 3,
        lastTimestamp: '2026-01-01T00:00:09Z',
      },
      {
        type: 'Warning',
        reason: 'FailedScheduling',
        message: '0/1 nodes',
        eventTime: '2026-01-01T00:00:01.000001Z',
        lastTimestamp: null,
        series: { count: 2, lastObservedTime: '2026-01-01T00:00:02.000001Z' },
      },
      { reason: 'Scheduled', metadata: { creationTimestamp: '2026-01-01T00:00:03Z' } },
    ]);
    expect(lines).toEqual([
      '2026-01-01T00:00:02.000001Z Warning FailedScheduling: 0/1 nodes (x2)',
      '2026-01-01T00:00:03Z Normal Scheduled: ',
      '2026-01-01T00:00:09Z Warning BackOff: Back-off pulling image "x" (x3)',
    ]);
  });

  test('are the last 20, and none is long', () => {
    const events = Array.from({ length: 30 }, (_, index) => ({
      reason: `R${index}`,
      message: 'x'.repeat(2000),
      lastTimestamp: new Date(index * 1000).toISOString(),
    }));
    const lines = describeEvents(events);
    expect(lines).toHaveLength(20);
    expect(lines[0]).toContain('R10:');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(600);
  });
});
