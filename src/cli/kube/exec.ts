import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Exec, type V1Status } from '@kubernetes/client-node';
import type { KubeClient } from './client.js';
import type { Pod } from './objects.js';

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command in a running container.
 * @param stdin is sent as a whole; the command must know where it ends, because older servers cannot close it
 */
export async function execInPod(
  client: KubeClient,
  pod: Pod,
  container: string,
  command: readonly string[],
  stdin?: Buffer,
): Promise<ExecResult> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const output = Promise.all([text(stdout), text(stderr)]);
  // Not ended: ending it would close an older server's connection before the command has answered.
  const input = stdin === undefined ? null : new Readable({ read: () => undefined });
  const status = await new Promise<V1Status>((resolve, reject) => {
    new Exec(client.config)
      .exec(
        pod.metadata.namespace ?? '',
        pod.metadata.name,
        container,
        [...command],
        stdout,
        stderr,
        input,
        false,
        resolve,
      )
      .then((socket) => {
        socket.on('error', reject);
        socket.on('close', () => {
          reject(new Error(`the connection to ${pod.metadata.name} closed before the command ended`));
        });
        for (let at = 0; stdin !== undefined && at < stdin.length; at += CHUNK) {
          input?.push(stdin.subarray(at, at + CHUNK));
        }
      }, reject);
  });
  stdout.end();
  stderr.end();
  const [out, err] = await output;
  return { exitCode: exitCode(status), stdout: out, stderr: err };
}

/** Bytes a websocket message. */
const CHUNK = 256 * 1024;

function exitCode(status: V1Status): number {
  if (status.status === 'Success') {
    return 0;
  }
  const cause = status.details?.causes?.find((entry) => entry.reason === 'ExitCode');
  return Number(cause?.message ?? 1);
}
