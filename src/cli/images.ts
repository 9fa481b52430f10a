import { execa } from 'execa';
import { CliError, EXIT_CODES } from './errors.js';

/** Programs that can build from a Dockerfile, in the order of preference. */
const ENGINES = ['docker', 'podman', 'buildah'] as const;
export type Engine = (typeof ENGINES)[number];

/** What asks an engine whether it works: docker's program may be there without its daemon. */
const PROBE: Record<Engine, readonly string[]> = {
  docker: ['version', '--format', '{{.Server.Version}}'],
  podman: ['info', '--format', '{{.Version.Version}}'],
  buildah: ['version'],
};

/**
 * The first engine that works here.
 * @throws CliError USAGE if there is none
 */
export async function findEngine(): Promise<Engine> {
  for (const engine of ENGINES) {
    const { failed } = await execa(engine, PROBE[engine], { reject: false, stdio: 'ignore', timeout: 10_000 });
    if (!failed) {
      return engine;
    }
  }
  throw new CliError(
    EXIT_CODES.USAGE,
    `None of ${ENGINES.join(', ')} works here: install one, and for docker start its daemon.`,
  );
}

/** Arguments that build the image. */
export function buildArguments(
  engine: Engine,
  { dockerfile, context, tag, buildArgs }: BuildOptions,
): readonly string[] {
  const given = Object.entries(buildArgs).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  // chroot: buildah's default needs rights that a container or a plain user may lack.
  const isolation = engine === 'buildah' ? ['--isolation', 'chroot'] : [];
  return ['build', ...isolation, ...given, '--file', dockerfile, '--tag', tag, context];
}

export interface BuildOptions {
  readonly dockerfile: string;
  readonly context: string;
  readonly tag: string;
  readonly buildArgs: Readonly<Record<string, string>>;
}
