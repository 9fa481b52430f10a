import { type LaunchRecord, newRecord } from '../../../src/runtime/launch/record.js';
import { StartPace } from '../../../src/runtime/launch/start-pace.js';

const KEY = { dagId: 'd', taskId: 't', runId: 'r', tryNumber: 1, mapIndex: -1 };

/** Launches under one pace, at a time that the test sets. */
class Launches {
  readonly pace = new StartPace();
  now = 0;
  private made = 0;

  /** Creates as many pods as there is room for, at most `most`. */
  create(most: number): LaunchRecord[] {
    const made: LaunchRecord[] = [];
    while (made.length < most && this.pace.hasRoom(0)) {
      const id = `L${(this.made += 1)}`;
      const identity = { id, attempt: 1, podName: id, namespace: 'jobs', key: KEY, owner: 'me' };
      const record = newRecord(identity, 'pending', null);
      this.pace.observe(record, this.now);
      made.push(record);
    }
    return made;
  }

  place(records: readonly LaunchRecord[], node: string | null, reason: string | null = null): void {
    for (const record of records) {
      record.observation = {
        phase: 'pending',
        reason,
        message: null,
        exitCode: null,
        started: false,
        node,
        output: null,
      };
      this.pace.observe(record, this.now);
    }
  }

  run(records: readonly LaunchRecord[]): void {
    for (const record of records) {
      record.stage = 'running';
      this.pace.observe(record, this.now);
    }
  }

  /** A node that starts all of them together after so long. */
  round(waitMs: number): number {
    const records = this.create(10_000);
    this.place(records, 'n1');
    this.now += waitMs;
    this.run(records);
    return records.length;
  }
}

describe('how many pods are on their way at once', () => {
  test('few at first, and creates under way count', () => {
    const launches = new Launches();
    expect(launches.pace.hasRoom(15)).toBe(true);
    expect(launches.pace.hasRoom(16)).toBe(false);
    expect(launches.create(60)).toHaveLength(16);
  });

  test('thousands soon where nodes start pods at once', () => {
    const launches = new Launches();
    const rounds = [1, 2, 3, 4].map(() => launches.round(100));
    expect(rounds[3]).toBeGreaterThan(1000);
  });

  test('more and more where nodes are prompt', () => {
    const launches = new Launches();
    const rounds = [1, 2, 3].map(() => launches.round(1000));
    expect(rounds[0]).toBe(16);
    expect(rounds[1]).toBeGreaterThan(16);
    expect(rounds[2]).toBeGreaterThan(rounds[1] ?? 0);
  });

  test('fewer where pods start late, one step a round, and never none', () => {
    const launches = new Launches();
    expect([1, 2, 3, 4, 5, 6].map(() => launches.round(6000))).toEqual([16, 12, 9, 6, 5, 4]);
  });

  test('four for each node at least, however late they start', () => {
    const launches = new Launches();
    const records = launches.create(16);
    records.forEach((record, number) => {
      launches.place([record], `n${number}`);
    });
    launches.now += 60_000;
    launches.run(records);
    expect(launches.create(1000)).toHaveLength(64);
  });

  test('no more while something else limits', () => {
    const launches = new Launches();
    for (let task = 0; task < 100; task += 1) {
      const records = launches.create(1);
      launches.place(records, 'n1');
      launches.now += 100;
      launches.run(records);
    }
    expect(launches.pace.value()).toBe(16);
  });

  test('pods that wait for a node do not count, until they have one', () => {
    const launches = new Launches();
    const waiting = launches.create(16);
    launches.place(waiting, null, 'Unschedulable');
    expect(launches.create(60)).toHaveLength(16);
    launches.place(waiting, 'n1');
    expect(launches.pace.hasRoom(0)).toBe(false);
  });

  test('pods that no scheduler looks at do not count after a while', () => {
    const launches = new Launches();
    launches.create(16);
    launches.now += 9000;
    launches.pace.tick(launches.now);
    expect(launches.create(60)).toHaveLength(0);
    launches.now += 1000;
    launches.pace.tick(launches.now);
    expect(launches.create(60)).toHaveLength(16);
  });

  test('pods that are gone make room, and say nothing of the nodes', () => {
    const launches = new Launches();
    const records = launches.create(16);
    launches.place(records, 'n1');
    launches.now += 60_000;
    for (const record of records) {
      record.gone = true;
      launches.pace.observe(record, launches.now);
    }
    expect(launches.create(60)).toHaveLength(16);
  });
});
