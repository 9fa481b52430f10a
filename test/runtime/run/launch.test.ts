import { decideFound } from '../../../src/runtime/run/launch.js';
import type { RunPod } from '../../../src/runtime/run/pod-view.js';

const nameOf = (generation: number): string => `p${generation}`;
const found = (name: string, metadata: RunPod['metadata'] = {}): RunPod => ({
  metadata: { name, creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
});
const CHECKED = { labels: { already_checked: 'True' } };

describe('what earlier tries left behind', () => {
  test('is gone on with, the youngest first', () => {
    const young = found('b', { creationTimestamp: '2026-01-02T00:00:00Z' });
    expect(decideFound([found('a'), young], nameOf, 'pod')).toEqual({ next: 'reattach', object: young });
  });

  test('is waited for when it is about to go', () => {
    const going = found('p0', { deletionTimestamp: '2026-01-01T00:01:00Z' });
    expect(decideFound([going], nameOf, 'pod')).toEqual({ next: 'await-end', object: going });
  });

  test('is left alone when its end was seen, and the next pod has another name', () => {
    expect(decideFound([found('p0', CHECKED), found('p1', CHECKED)], nameOf, 'pod')).toEqual({
      next: 'create',
      name: 'p2',
    });
    expect(() => decideFound([found('mine', CHECKED)], () => 'mine', 'pod')).toThrow(
      'pod mine of an earlier try is kept',
    );
    const kept = found('mine', CHECKED);
    expect(
      decideFound(
        [kept],
        () => 'mine',
        'pod',
        () => true,
      ),
    ).toEqual({ next: 'replace', object: kept });
    expect(decideFound([], nameOf, 'pod')).toEqual({ next: 'create', name: 'p0' });
  });
});
