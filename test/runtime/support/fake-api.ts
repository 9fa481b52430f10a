import { KubeError } from '../../../src/runtime/api/errors.js';
import type { KubeApi, PodPage } from '../../../src/runtime/api/kube-api.js';
import type { RawEvent } from '../../../src/runtime/pods/events.js';
import type { RawPod } from '../../../src/runtime/pods/observe.js';

export type CreateAnswer = 'created' | 'created-unanswered' | 'unanswered' | KubeError;

/** An API server in memory that answers creates as it is told, for moments that a real one cannot be brought to. */
export class FakeApi implements KubeApi {
  readonly pods = new Map<string, RawPod>();
  /** Names of the pods that were asked for. */
  readonly creates: string[] = [];
  readonly reads: string[] = [];
  /** uids. */
  readonly deletes: string[] = [];
  /** Of every pod. */
  events: RawEvent[] = [];
  /** How the next creates end; then all succeed. */
  answers: CreateAnswer[] = [];

  createPod(_namespace: string, body: string): Promise<string> {
    const pod = JSON.parse(body) as RawPod & { metadata: { name: string } };
    const { name } = pod.metadata;
    this.creates.push(name);
    const answer = this.answers.shift() ?? 'created';
    if (answer instanceof KubeError) {
      return Promise.reject(answer);
    }
    if (answer !== 'unanswered') {
      this.pods.set(name, { ...pod, metadata: { ...pod.metadata, uid: `uid-${name}` } });
    }
    return answer === 'created'
      ? Promise.resolve(`uid-${name}`)
      : Promise.reject(new KubeError('connection', 'the connection ended'));
  }

  getPod(_namespace: string, name: string): Promise<RawPod | null> {
    this.reads.push(name);
    return Promise.resolve(this.pods.get(name) ?? null);
  }

  deletePod(_namespace: string, _name: string, uid: string): Promise<void> {
    this.deletes.push(uid);
    return Promise.resolve();
  }

  listPodEvents = (): Promise<RawEvent[]> => Promise.resolve(this.events);
  patchPod = (): Promise<void> => Promise.resolve();
  labelPod = (): Promise<void> => Promise.resolve();
  listPods = (): Promise<PodPage> => Promise.resolve({ items: [], resourceVersion: '1', next: null });
  watchPods = (): Promise<void> => Promise.resolve();
  mayI = (): Promise<boolean> => Promise.resolve(true);
  createSecret = (): Promise<boolean> => Promise.resolve(true);
  readSecret = (): Promise<null> => Promise.resolve(null);
  close = (): void => undefined;
}
