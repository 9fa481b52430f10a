import { isHopeless, isOver, viewPod } from '../../../src/runtime/run/pod-view.js';
import { exited, pod, RUNS, waits } from './pods.js';

describe('a pod as its run sees it', () => {
  test('goes from pending over scheduled and running to its end', () => {
    expect(viewPod({ status: { phase: 'Pending' } }, 'base')).toMatchObject({ stage: 'pending', node: null });
    const starting = viewPod(pod('Pending', { base: waits('ContainerCreating') }), 'base');
    expect(starting).toMatchObject({ stage: 'scheduled', busy: false, node: 'node0', reason: null });
    const running = viewPod(pod('Running', { base: RUNS, other: waits('ErrImagePull') }), 'base');
    expect(running).toMatchObject({ stage: 'running', busy: true, mainEnded: false });
    expect([...running.started]).toEqual(['base']);
    const ended = viewPod(pod('Succeeded', { base: exited(0) }), 'base');
    expect(ended).toMatchObject({ stage: 'ended', terminal: true, mainEnded: true });
  });

  test('is busy while an init container runs, not while only a sidecar does', () => {
    const init = (name: string) => ({ initContainerStatuses: [{ name, containerID: 'c', state: RUNS }] });
    const waiting = { base: waits('PodInitializing') };
    expect(viewPod(pod('Pending', waiting, init('prepare')), 'base').busy).toBe(true);
    const sidecar = pod('Pending', waiting, init('proxy'));
    const native = {
      ...sidecar,
      spec: { ...sidecar.spec, initContainers: [{ name: 'proxy', restartPolicy: 'Always' }] },
    };
    expect(viewPod(native, 'base').busy).toBe(false);
  });

  test('is over with the pod, or with its containers when nothing else is asked for', () => {
    const lingering = viewPod(pod('Running', { base: exited(0), proxy: RUNS }), 'base');
    expect(isOver(lingering, new Set(['base']), false)).toBe(true);
    expect(isOver(lingering, new Set(['base', 'proxy']), false)).toBe(false);
    expect(isOver(lingering, new Set(['base']), true)).toBe(false);
    expect(isOver(viewPod(pod('Failed', {}), 'base'), new Set(['base']), true)).toBe(true);
  });

  test.each([
    ['ErrImagePull', 'manifest unknown', true],
    ['ImagePullBackOff', 'Back-off pulling image "x": not found', true],
    ['ErrImagePull', 'dial tcp: i/o timeout', false],
    ['InvalidImageName', '', true],
    ['CreateContainerConfigError', 'secret "x" not found', false],
  ])('that waits with %s (%s) is hopeless: %s', (reason, message, hopeless) => {
    expect(isHopeless(viewPod(pod('Pending', { base: waits(reason, message) }), 'base'))).toBe(hopeless);
  });

  test('has no log of a container that was never created', () => {
    const view = viewPod(pod('Failed', {}, { containerStatuses: [{ name: 'base', state: exited(137) }] }), 'base');
    expect([...view.started]).toEqual([]);
    expect([...view.stopped]).toEqual(['base']);
  });
});
