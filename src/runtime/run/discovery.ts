import type { ApiResource, Collection, KubeObject, ObjectApi } from '../api/object-api.js';
import { patiently, type Patience } from './patience.js';

/** Where the objects of a kind are. */
export interface KindPlace {
  readonly apiVersion: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Finds out where the objects of a kind are; each group and version is asked for once. */
export class Discovery {
  private readonly known = new Map<string, Promise<readonly ApiResource[] | null>>();

  constructor(
    private readonly api: Pick<ObjectApi, 'resources'>,
    private readonly patience: Patience,
  ) {}

  /**
   * @returns null when the server has no such kind
   * @throws RunError, KubeError
   */
  async find(apiVersion: string, kind: string): Promise<KindPlace | null> {
    const resources = await this.resources(apiVersion);
    const found = resources?.find((one) => one.kind === kind && !one.name.includes('/'));
    return found === undefined ? null : { apiVersion, plural: found.name, namespaced: found.namespaced };
  }

  /** The kinds of a group and version may have become more: a definition was applied. */
  forget(): void {
    this.known.clear();
  }

  private resources(apiVersion: string): Promise<readonly ApiResource[] | null> {
    const known = this.known.get(apiVersion);
    if (known !== undefined) {
      return known;
    }
    const asked = patiently(`read the kinds of ${apiVersion}`, this.patience, () => this.api.resources(apiVersion));
    this.known.set(apiVersion, asked);
    // Who asks again may be luckier.
    asked.catch(() => this.known.delete(apiVersion));
    return asked;
  }
}

/** The collection of a kind in a namespace, which kinds of the whole cluster are not in; pure. */
export function collectionOf<T extends KubeObject>(place: KindPlace, namespace: string): Collection<T> {
  const { apiVersion, plural, namespaced } = place;
  return { apiVersion, plural, namespace: namespaced ? namespace : null };
}
