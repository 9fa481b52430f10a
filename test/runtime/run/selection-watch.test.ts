import { KubeError } from '../../../src/runtime/api/errors.js';
import type { KubeObject, ObjectApi, ObjectEvent } from '../../../src/runtime/api/object-api.js';
import { SelectionWatch } from '../../../src/runtime/run/selection-watch.js';

type Say = (type: ObjectEvent<KubeObject>['type'], uid: string, resourceVersion: string) => void;
type Answer = (say: Say) => void;

const object = (uid: string, resourceVersion: string): KubeObject => ({ metadata: { uid, resourceVersion } });

/** Watches that break as they are told: a real one cannot be brought to these moments one by one. */
async function follow(listed: readonly KubeObject[], ...answers: Answer[]) {
  const from: string[] = [];
  const told: string[] = [];
  const stop = new AbortController();
  const api = {
    list: () => {
      from.push('list');
      return Promise.resolve({ items: listed, resourceVersion: '50' });
    },
    watch: (_where: unknown, _selector: unknown, version: string, _options: unknown, onEvent: unknown) => {
      from.push(version);
      const answer = answers.shift();
      if (answer === undefined) {
        stop.abort();
        return Promise.resolve();
      }
      answer((type, uid, resourceVersion) => {
        (onEvent as (event: ObjectEvent<KubeObject>) => void)({ type, object: object(uid, resourceVersion) });
      });
      return Promise.reject(new KubeError('connection', 'broken', { retryAfterMs: 0 }));
    },
  };
  const watch = new SelectionWatch<KubeObject>({
    api: api as unknown as ObjectApi,
    where: { apiVersion: 'v1', plural: 'pods', namespace: 'n' },
    selector: {},
    patienceMs: 60_000,
    signal: stop.signal,
    onObject: ({ metadata }) => told.push(`${metadata?.uid ?? ''}@${metadata?.resourceVersion ?? ''}`),
    onGone: (uid, last) => told.push(`${uid} gone${last === null ? ', unseen' : ''}`),
  });
  await watch.run();
  return { from, told };
}

describe('a watch of a selection', () => {
  test('that breaks while it tells what is there is not resumed: it came in no order', async () => {
    const { from, told } = await follow([object('b', '45')], (say) => {
      say('ADDED', 'a', '40');
      say('ADDED', 'b', '41');
    });
    expect(from).toEqual(['', 'list', '50']);
    expect(told).toEqual(['a@40', 'b@41', 'a gone, unseen', 'b@45']);
  });

  test('goes on where it broke once its order is known', async () => {
    const { from, told } = await follow(
      [],
      (say) => {
        say('ADDED', 'a', '40');
        say('BOOKMARK', '', '44');
        say('MODIFIED', 'a', '46');
      },
      (say) => {
        say('DELETED', 'a', '47');
      },
    );
    expect(from).toEqual(['', '46', '47']);
    expect(told).toEqual(['a@40', 'a@46', 'a gone']);
  });
});
