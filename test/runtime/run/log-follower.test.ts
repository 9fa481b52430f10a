import { KubeError } from '../../../src/runtime/api/errors.js';
import type { LogQuery, ObjectApi } from '../../../src/runtime/api/object-api.js';
import type { RunEvent } from '../../../src/runtime/run/events.js';
import { LogFollower } from '../../../src/runtime/run/log-follower.js';

type Answer = (onChunk: (chunk: Buffer) => void, signal: AbortSignal) => Promise<void> | void;

const line = (second: number, text: string): Buffer => Buffer.from(`2026-01-01T00:00:0${second}.000000000Z ${text}\n`);

/** A log that answers as it is told: a real one cannot be brought to these moments one by one. */
function follow(...answers: Answer[]) {
  const queries: LogQuery[] = [];
  const events: RunEvent[] = [];
  const stop = new AbortController();
  const podLog: ObjectApi['podLog'] = async (_namespace, _pod, query, { signal }, onChunk) => {
    queries.push(query);
    await answers.shift()?.(onChunk, signal);
  };
  const follower = new LogFollower({
    api: { podLog } as ObjectApi,
    namespace: 'n',
    pod: 'p',
    container: 'base',
    sink: { tell: (event) => events.push(event) > 0, ready: () => Promise.resolve() },
    signal: stop.signal,
    patienceMs: 60_000,
  });
  const told = (): string[] => events.flatMap((event) => (event.type === 'log' ? [event.line] : []));
  return { follower, queries, events, told, stop };
}

describe('the log of a container', () => {
  test('that has ended before is read at once, until nothing is new', async () => {
    const { follower, queries, told } = follow(
      (tell) => {
        tell(line(1, 'a'));
      },
      (tell) => {
        tell(Buffer.concat([line(1, 'a'), line(1, 'b')]));
      },
      (tell) => {
        tell(Buffer.concat([line(1, 'a'), line(1, 'b')]));
      },
    );
    follower.containerEnded();
    await follower.run();
    expect(told()).toEqual(['a', 'b']);
    expect(queries.map(({ follow }) => follow)).toEqual([false, false, false]);
    expect(queries.map(({ sinceTime }) => sinceTime)).toEqual([
      null,
      '2026-01-01T00:00:00.000Z',
      '2026-01-01T00:00:00.000Z',
    ]);
  });

  test('goes on where its stream broke', async () => {
    const { follower, queries, told } = follow(
      (tell) => {
        tell(line(5, 'a'));
        throw new KubeError('connection', 'broken');
      },
      (tell) => {
        tell(Buffer.concat([line(5, 'a'), line(6, 'b')]));
        follower.containerEnded();
      },
    );
    await follower.run();
    expect(told()).toEqual(['a', 'b']);
    expect(queries.map(({ follow }) => follow)).toEqual([true, true, false]);
  });

  test('has its tail read when the stream does not end with the container, until it is whole', async () => {
    const rest =
      (text: string): Answer =>
      (tell) => {
        tell(Buffer.concat([line(1, 'a'), Buffer.from(text)]));
      };
    const { follower, told } = follow(
      (tell, signal) => {
        tell(line(1, 'a'));
        follower.containerEnded();
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(new KubeError('connection', 'stopped'));
          });
        });
      },
      rest('2026-01'),
      rest('2026-01-01T00:00:02.0Z no new'),
      rest('2026-01-01T00:00:02.0Z no newline'),
      rest('2026-01-01T00:00:02.0Z no newline'),
    );
    await follower.run();
    expect(told()).toEqual(['a', 'no newline']);
  });

  test('that nobody may read is told as a warning', async () => {
    const { follower, events } = follow(() => {
      throw new KubeError('response', 'pods "p" is forbidden', { status: 403 });
    });
    await follower.run();
    expect(events).toEqual([
      { type: 'warning', message: expect.stringContaining(`container 'base' cannot be read`) as string },
    ]);
  });
});
