const REMEMBERED = 20_000;

/** Launch ids that were revoked: a create that was under way then may still bring a pod. The oldest are forgotten. */
export class RevokedIds {
  private readonly ids = new Set<string>();

  has(id: string): boolean {
    return this.ids.has(id);
  }

  add(id: string): void {
    this.ids.add(id);
    if (this.ids.size > REMEMBERED) {
      const oldest = this.ids.values().next();
      if (oldest.done !== true) {
        this.ids.delete(oldest.value);
      }
    }
  }

  delete(id: string): void {
    this.ids.delete(id);
  }
}
