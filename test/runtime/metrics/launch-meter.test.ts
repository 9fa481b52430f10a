import { type LaunchRecord, newRecord, type Stage } from '../../../src/runtime/launch/record.js';
import { RecordStore } from '../../../src/runtime/launch/record-store.js';
import { LaunchMeter } from '../../../src/runtime/metrics/launch-meter.js';

const KEY = { dagId: 'd', taskId: 't', runId: 'r', tryNumber: 1, mapIndex: -1 };
const OUTCOME = { at: 0, message: null, exitCode: null, node: null, started: null };

describe('what is counted of launches', () => {
  let now: number;
  let counted: unknown[][];
  let store: RecordStore;
  let meter: LaunchMeter;

  beforeEach(() => {
    now = 0;
    counted = [];
    const note =
      (what: string) =>
      (...values: unknown[]): void => {
        counted.push([what, ...values]);
      };
    const counts = {
      accepted: note('accepted'),
      tried: note('tried'),
      created: note('created'),
      started: note('started'),
      ended: note('ended'),
      settled: note('settled'),
    };
    meter = new LaunchMeter(counts, () => now);
    store = new RecordStore([meter]);
  });

  const add = (stage: Stage, owner: string | null = 'me'): LaunchRecord => {
    const record = newRecord({ id: 'L', attempt: 1, podName: 'p', namespace: 'jobs', key: KEY, owner }, stage, null);
    store.add(record);
    return record;
  };
  const at = (time: number, record: LaunchRecord, stage: Stage): void => {
    now = time;
    store.move(record, stage);
  };
  const end = (
    time: number,
    record: LaunchRecord,
    kind: 'SUCCEEDED' | 'CREATE_FAILED' | 'FAILED',
    reason: string | null,
  ): void => {
    record.outcome = { ...OUTCOME, kind, reason };
    at(time, record, 'ended');
  };

  test('is each step once, with its time, whatever the watch repeats', () => {
    const record = add('queued');
    at(10, record, 'creating');
    at(30, record, 'pending');
    at(40, record, 'pending');
    at(100, record, 'running');
    at(110, record, 'running');
    end(500, record, 'SUCCEEDED', null);
    now = 700;
    meter.settled(record);
    meter.settled(record);
    expect(counted).toEqual([
      ['accepted'],
      ['tried', 'created'],
      ['created', 30],
      ['started', 70],
      ['ended', 'SUCCEEDED', null],
      ['settled', 200],
    ]);
  });

  test('is the whole wait of a launch whose creates are repeated', () => {
    const record = add('queued');
    at(10, record, 'creating');
    at(20, record, 'queued');
    at(90, record, 'creating');
    at(95, record, 'pending');
    expect(counted).toEqual([['accepted'], ['tried', 'repeated'], ['tried', 'created'], ['created', 95]]);
  });

  test('is a refused launch as a failure, and a claimed standby pod as such', () => {
    const refused = add('queued');
    at(10, refused, 'creating');
    end(20, refused, 'CREATE_FAILED', 'Invalid');
    expect(counted.splice(0)).toEqual([['accepted'], ['tried', 'refused'], ['ended', 'CREATE_FAILED', 'Invalid']]);
    store.remove(refused);

    const claimed = add('queued');
    at(30, claimed, 'creating');
    claimed.handOver = 'open';
    at(40, claimed, 'pending');
    expect(counted).toEqual([['accepted'], ['tried', 'standby'], ['created', 20]]);
  });

  test("is nothing of another launcher's pods", () => {
    const record = add('pending', null);
    at(10, record, 'running');
    end(20, record, 'FAILED', 'Error');
    meter.settled(record);
    expect(counted).toEqual([]);
  });

  test('is the end, and no time before it, of an own pod that was found after a restart', () => {
    const record = add('pending');
    at(10, record, 'running');
    end(20, record, 'FAILED', 'Error');
    expect(counted).toEqual([['ended', 'FAILED', 'Error']]);
  });

  test('is not a kept pod that was settled before a restart', () => {
    const record = add('pending');
    record.settledAt = 1;
    end(20, record, 'FAILED', 'Error');
    meter.settled(record);
    expect(counted).toEqual([]);
  });
});
