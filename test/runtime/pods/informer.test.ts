import type { WatchEvent } from '../../../src/runtime/api/kube-api.js';
import { PodInformer } from '../../../src/runtime/pods/informer.js';
import { FakeApi } from '../support/fake-api.js';

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

test('what could not be taken in from a watch is listed again', async () => {
  const api = new FakeApi();
  const froms: string[] = [];
  let lists = 0;
  const watch = (from: string, onEvent: (event: WatchEvent) => void): Promise<void> => {
    froms.push(from);
    if (froms.length > 1) {
      informer.stop();
    } else {
      onEvent({ type: 'ADDED', object: { metadata: { uid: 'u', resourceVersion: '7' } } });
    }
    return Promise.resolve();
  };
  Object.assign(api, {
    listPods: () => Promise.resolve({ items: [], resourceVersion: String((lists += 1)), next: null }),
    watchPods: (...[, , from, , onEvent]: [string, string, string, object, (event: WatchEvent) => void]) =>
      watch(from, onEvent),
  });
  const onPod = (): void => {
    throw new Error('not now');
  };
  const handler = { onPod, onDeleted: () => undefined, onListed: () => undefined };
  const informer = new PodInformer({ api, namespace: 'jobs', selector: 'a=b', handler, log: SILENT, silenceMs: 5000 });
  await informer.run();
  expect(lists).toBe(2);
  expect(froms).toEqual(['1', '2']);
});
