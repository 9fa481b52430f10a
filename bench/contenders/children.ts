import type { ChildProcess } from 'node:child_process';

const alive = new Set<ChildProcess>();

/** Remembers a child process, so that none outlives the benchmark however it ends. */
export function track<Child extends ChildProcess>(child: Child): Child {
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  return child;
}

/** Kills every child process that is still there, stopped ones too. */
export function killChildren(): void {
  for (const child of alive) {
    child.kill('SIGKILL');
  }
}
