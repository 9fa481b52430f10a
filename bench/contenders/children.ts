import type { ChildProcess } from 'node:child_process';

const alive = new Set<ChildProcess>();

/** Remembers a child that was spawned `detached`, as the first of a process group of its own: none outlives the bench. */
export function track<Child extends ChildProcess>(child: Child): Child {
  alive.add(child);
  child.once('exit', () => {
    killGroup(child);
    alive.delete(child);
  });
  return child;
}

/** Kills a child and all that it started, stopped ones too. */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) {
    return;
  }
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // Nothing is left of the group.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error;
    }
  }
}

/** Kills what is still there. */
export function killChildren(): void {
  for (const child of alive) {
    killGroup(child);
  }
}
