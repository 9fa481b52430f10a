import { Lazy } from 'cdk8s';

/** A value that is made at synth: what is added to a construct after its making is then in it. */
export function lazy(produce: () => unknown): unknown {
  return Lazy.any({ produce }) as unknown;
}
