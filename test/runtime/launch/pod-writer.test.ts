import { PodWriter, type PodTarget } from '../../../src/runtime/launch/pod-writer.js';
import { FakeApi } from '../support/fake-api.js';

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** An API server whose answers come when the test says so: that it is slow is what cannot be had of a real one. */
class SlowApi extends FakeApi {
  private readonly open: (() => void)[] = [];

  override deletePod(_namespace: string, _name: string, uid: string): Promise<void> {
    this.deletes.push(uid);
    return new Promise((resolve) => this.open.push(resolve));
  }

  async answerOne(): Promise<void> {
    this.open.shift()?.();
    await new Promise(setImmediate);
  }
}

describe('deletes beside creates', () => {
  let creating = true;
  let api: SlowApi;
  let writer: PodWriter;
  beforeEach(() => {
    creating = true;
    api = new SlowApi();
    writer = new PodWriter(api, SILENT, () => creating);
  });

  const target = (uid: string): PodTarget => ({ namespace: 'a', podName: uid, uid });
  const tidy = (count: number): void => {
    for (let index = 0; index < count; index += 1) {
      writer.delete(target(`ended-${index}`), 'tidying', () => undefined);
    }
  };

  test('of ended pods have a small share of the API server, and never none', async () => {
    tidy(100);
    expect(api.deletes).toHaveLength(2);
    await api.answerOne();
    expect(api.deletes).toHaveLength(3);
  });

  test('of pods that must not run go at once', () => {
    tidy(100);
    writer.delete(target('revoked'), 'now', () => undefined);
    expect(api.deletes).toContain('revoked');
  });

  test('of ended pods go on at full speed when no create is in their way', async () => {
    tidy(100);
    creating = false;
    await api.answerOne();
    expect(api.deletes.length - 1).toBe(24);
  });

  test('get more room the more of them wait', () => {
    tidy(20_000);
    expect(api.deletes.length).toBeGreaterThan(6);
    expect(api.deletes.length).toBeLessThan(24);
  });
});
