import { DeadlineKeeper } from '../../../src/runtime/run/deadline.js';
import { viewPod } from '../../../src/runtime/run/pod-view.js';
import { exited, pod, RUNS, waits } from './pods.js';

const TIMEOUTS = { scheduleTimeoutSeconds: 30, startupTimeoutSeconds: 120, result: null };
const PENDING = viewPod({ status: { phase: 'Pending' } }, 'base');
const STARTING = viewPod(pod('Pending', { base: waits('ErrImagePull', 'no route') }), 'base');
const RUNNING = viewPod(pod('Running', { base: RUNS }), 'base');

describe('the deadline of a pod', () => {
  test('to find a node counts from the start of the run', () => {
    const keeper = new DeadlineKeeper(TIMEOUTS, 1000);
    expect(keeper.of(PENDING, 5000)).toMatchObject({ at: 31_000, reason: 'ScheduleTimeout' });
    expect(new DeadlineKeeper({ ...TIMEOUTS, scheduleTimeoutSeconds: null }, 0).of(PENDING, 0)).toBeNull();
  });

  test('to start counts while nothing runs in it, and names what it waits for', () => {
    const keeper = new DeadlineKeeper(TIMEOUTS, 0);
    expect(keeper.of(STARTING, 10_000)?.at).toBe(130_000);
    const deadline = keeper.of(STARTING, 50_000);
    expect(deadline).toMatchObject({ at: 130_000, reason: 'ErrImagePull' });
    expect(deadline?.message).toContain('not started in 120 s: no route');
    expect(keeper.of(RUNNING, 60_000)).toBeNull();
    expect(keeper.of(STARTING, 70_000)?.at).toBe(190_000);
  });

  test('to let the result be told names the containers that go on', () => {
    const keeper = new DeadlineKeeper({ ...TIMEOUTS, result: { path: '/r/r' } as never }, 0);
    const lingering = viewPod(pod('Running', { base: exited(0), proxy: RUNS }), 'base');
    expect(keeper.of(lingering, 1000)).toMatchObject({ at: 121_000, reason: 'ResultMissing' });
    expect(keeper.of(lingering, 9000)?.message).toContain("make 'proxy' native sidecars");
  });
});
