import { type LauncherDeath, POINT_MS, type SchedulerDeath } from './support/crash-matrix/pair.js';
import { type Tally, tally } from './support/crash-matrix/records.js';
import { Stage } from './support/crash-matrix/stage.js';
import { until } from './support/until.js';

/** A row of 64 pods, each of half a second of processor time, ends in about 25 s on an idle machine of two cores. */
const RUN_MS = 150_000;
/** Only a row that hangs where nothing waits comes to this: every wait has a deadline and tells what it waited for. */
jest.setTimeout(420_000);
/** So many rows may fail before the others are not played any more. */
const FAILURES = 2;

const LAUNCHES = Number(process.env.CRASH_MATRIX_LAUNCHES ?? 64);

interface Row {
  readonly name: string;
  /** Kills and restarts; whoever is alive at its end finishes the run. */
  readonly act: (stage: Stage) => Promise<void>;
  /** A launch that was sent may have no pod when its launcher is gone as well: Airflow may reset it. */
  readonly launcherIsLost?: boolean;
}

const schedulerDies = (point: SchedulerDeath['point'], moments: readonly number[]): Row => ({
  name: `the scheduler dies: ${point}`,
  act: async ({ a, isOver }) => {
    await a.schedulersDie(
      moments.map((nth) => ({ point, nth })),
      isOver,
    );
  },
});

const schedulerDiesInCreates = (point: string, fault: 'hold' | 'hold-answer'): Row => ({
  name: `the scheduler dies: ${point}`,
  act: async ({ a }) => {
    for (const held of [1, 8]) {
      await a.startScheduler();
      a.proxy.fault = ({ method }) => (method === 'POST' ? fault : null);
      await until(`${held} creates in flight`, () => a.proxy.heldBack() >= held, { timeoutMs: POINT_MS });
      await a.killScheduler();
      a.proxy.fault = () => null;
      a.proxy.letGo();
    }
    await a.startScheduler();
  },
});

const launcherDies = (points: readonly LauncherDeath[], moments: readonly number[]): Row => ({
  name: `the launcher dies: ${points.join(', ')}`,
  act: async ({ a, isOver }) => {
    await a.startScheduler();
    let deaths = 0;
    for (const nth of moments) {
      for (const point of points) {
        if (await a.launcherDies(point, nth, isOver)) {
          deaths += 1;
          await a.launcher.start();
        }
      }
    }
    // Pods may be quicker than launchers start: then the run is over before the last of these.
    expect(deaths).toBeGreaterThanOrEqual(points.length);
  },
});

const MATRIX: readonly Row[] = [
  schedulerDies('QUEUED committed, LAUNCH not sent', [1, 2, 1]),
  schedulerDies('LAUNCH sent', [1, 2, 1]),
  schedulerDiesInCreates('before the create', 'hold'),
  schedulerDiesInCreates('create in flight', 'hold-answer'),
  // At the first: by then all pods may have ended, and there is no second batch of ends.
  schedulerDies('event emitted, not processed', [1, 1, 1]),
  schedulerDies('event processed, not committed', [1, 1, 1]),
  schedulerDies('event committed, not acknowledged', [1, 1, 1]),
  {
    name: 'the scheduler dies: adopted, not committed',
    act: ({ a, isOver }) =>
      a.schedulersDie(
        [
          { point: 'LAUNCH sent', nth: 1 },
          { point: 'adopted, not committed', nth: 1 },
          { point: 'adopted, not committed', nth: 1 },
        ],
        isOver,
      ),
  },
  launcherDies(['before the create', 'create in flight', 'after the create'], [1, 5]),
  launcherDies(['before the event', 'after the event'], [1, 5]),
  launcherDies(['before the ACK'], [1, 2, 4]),
  launcherDies(['before the DELETE', 'DELETE in flight'], [1, 5]),
  {
    name: 'both die: creates in flight, which arrive when the other pair has adopted',
    launcherIsLost: true,
    act: async (stage) => {
      const { a, b } = stage;
      await b.launcher.start();
      await a.startScheduler();
      a.proxy.fault = ({ method }) => (method === 'POST' ? 'hold' : null);
      await until('8 creates in flight', () => a.proxy.heldBack() >= 8, { timeoutMs: POINT_MS });
      await Promise.all([a.killScheduler(), a.killLauncher()]);
      a.proxy.fault = () => null;
      await b.startScheduler(null, [a.job]);
      await until('the other scheduler to reset them', async () => (await stage.givenUp()) >= 8, {
        timeoutMs: POINT_MS,
        everyMs: 500,
      });
      a.proxy.letGo();
      await a.launcher.start();
    },
  },
  {
    name: 'both die: events emitted, not processed',
    launcherIsLost: true,
    act: async ({ a, b }) => {
      await b.launcher.start();
      const dying = await a.startScheduler({ point: 'event emitted, not processed', nth: 2 });
      await dying.ended(POINT_MS);
      await a.killLauncher();
      await b.startScheduler(null, [a.job]);
      await a.launcher.start();
    },
  },
  {
    name: 'the API server is gone: before the create, create in flight, watch',
    act: async ({ a }) => {
      await a.startScheduler();
      for (const [nth, fault] of [
        [1, 'cut'],
        [10, 'drop-answer'],
      ] as const) {
        let creates = 0;
        let refused = 0;
        a.proxy.fault = ({ method }) => {
          creates += method === 'POST' ? 1 : 0;
          if (creates < nth) {
            return null;
          }
          if (creates === nth && method === 'POST') {
            return fault;
          }
          refused += 1;
          return 'cut';
        };
        await until('a create', () => creates >= nth, { timeoutMs: POINT_MS });
        a.proxy.cutWatches();
        await until('many requests in vain', () => refused >= 20, { timeoutMs: POINT_MS });
        a.proxy.fault = () => null;
      }
    },
  },
  {
    name: 'a paused scheduler wakes: QUEUED committed, LAUNCH not sent',
    act: async (stage) => {
      const { a, b } = stage;
      const paused = await a.startScheduler({ point: 'QUEUED committed, LAUNCH not sent', nth: 2, stop: true });
      await until('the pause', () => paused.stopped(), { timeoutMs: POINT_MS });
      await b.launcher.start();
      const before = await stage.givenUp();
      await b.startScheduler(null, [a.job]);
      await until('the other scheduler to reset what was not sent', async () => (await stage.givenUp()) > before, {
        timeoutMs: POINT_MS,
        everyMs: 500,
      });
      paused.signal('SIGCONT');
    },
  },
];

describe('each task is executed exactly once, by the word of its pods, when', () => {
  let stage: Stage;
  const tallies: Tally[] = [];
  const failed: string[] = [];

  beforeAll(async () => {
    stage = await Stage.set();
    await stage.a.launcher.start();
  });

  // A row that failed must not go on beside the next one.
  afterEach(async () => {
    await stage.schedulersEnd();
  });

  afterAll(async () => {
    await stage.strike();
  });

  test.each(MATRIX.map((row, index) => ({ ...row, index })))('$name', async ({ name, index, act, launcherIsLost }) => {
    if (failed.length >= FAILURES) {
      throw new Error(`not played, because these failed: ${failed.join('; ')}`);
    }
    failed.push(name);
    const dagId = `row_${index}`;
    await stage.makeRun(dagId, LAUNCHES);
    const earlier = new Set(stage.records().map(({ pod }) => pod));
    await act(stage);
    const rows = await stage.runEnds(RUN_MS);
    await stage.schedulersEnd();
    const records = stage.records().filter(({ pod }) => !earlier.has(pod));
    const found = tally(rows, records, stage.sent());
    tallies.push(found);
    process.stdout.write(`crash matrix: ${name}: ${JSON.stringify(found)}\n`);
    expect(found).toMatchObject({
      ...{ run: 'success', states: ['success'], executed: LAUNCHES },
      ...{ lost: [], twice: [], launchedTwice: [] },
      ...(launcherIsLost === true ? {} : { resetAfterLaunch: 0 }),
    });
    failed.pop();
  });

  test('and no pod is left', async () => {
    await stage.a.startScheduler();
    // Pods that nobody adopted are orphans for a minute before they are settled.
    await until('no task pod', async () => (await stage.taskPods()) === 0, {
      timeoutMs: RUN_MS,
      everyMs: 500,
      state: () => stage.state(),
    });
    const sum = (of: (one: Tally) => number): number => tallies.reduce((total, one) => total + of(one), 0);
    const executed = sum((one) => one.executed);
    process.stdout.write(
      `crash matrix: ${LAUNCHES * tallies.length} tasks, ${executed} executed, ` +
        `${sum((one) => one.lost.length)} lost, ${sum((one) => one.twice.length)} twice; ${stage.killed()} kills, ` +
        `${sum((one) => one.pods)} pods, of which ${sum((one) => one.refused)} were refused by the execution API, ` +
        `${sum((one) => one.reset)} tries reset by Airflow\n`,
    );
    expect(executed).toBe(LAUNCHES * MATRIX.length);
  });
});
