import { createHmac, timingSafeEqual } from 'node:crypto';
import tls from 'node:tls';
import { PORTS } from '../../../constructs/contract.js';

/** Where a standby pod listens, and what it shares with the launchers. */
export interface StandbyAddress {
  readonly ip: string;
  readonly secret: Buffer;
}

/** The pod did not answer, or did not prove that it is the one. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
}

const PROOF_BYTES = 32;
const HEADER_BYTES = 4;
/** The answer names a launch. */
const MAX_ANSWER_BYTES = 4096;

/** What only a holder of the secret can say about a certificate (DER). */
export function proof(secret: Buffer, role: 'pod' | 'launcher', certificate: Buffer): Buffer {
  return createHmac('sha256', secret).update(role).update(certificate).digest();
}

/**
 * Asks a standby pod which launch it has, and hands it this one if it has none and `args` are given. The pod must prove
 * that it knows the secret before it is told anything; the bytes are those of python's `airflow_pod_launcher.standby`.
 * @returns the key of the launch that the pod has; null for none
 * @throws ChannelError
 */
export function ask(
  { ip, secret }: StandbyAddress,
  launch: string,
  args: readonly string[] | null,
  deadlineMs: number,
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    let asked = false;
    let received = Buffer.alloc(0);
    // Who the peer is, its proof over this certificate says.
    const socket = tls.connect({ host: ip, port: PORTS.STANDBY, rejectUnauthorized: false, minVersion: 'TLSv1.3' });
    const fail = (message: string, cause?: unknown): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new ChannelError(message, { cause }));
    };
    const timer = setTimeout(() => {
      fail(`no answer within ${deadlineMs} ms`);
    }, deadlineMs);
    socket.setNoDelay(true);
    socket.on('error', (error: Error) => {
      fail(error.message, error);
    });
    socket.on('close', () => {
      fail('the pod ended the connection');
    });
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (!asked) {
        if (received.length < PROOF_BYTES) {
          return;
        }
        const certificate = socket.getPeerX509Certificate()?.raw;
        const expected = certificate && proof(secret, 'pod', certificate);
        if (!expected || !timingSafeEqual(received.subarray(0, PROOF_BYTES), expected)) {
          fail('what answers at the address of the pod does not know its secret');
          return;
        }
        received = received.subarray(PROOF_BYTES);
        const body = Buffer.from(JSON.stringify({ launch, args }));
        const header = Buffer.alloc(HEADER_BYTES);
        header.writeUInt32BE(body.length);
        socket.write(Buffer.concat([proof(secret, 'launcher', certificate), header, body]));
        asked = true;
      }
      if (received.length < HEADER_BYTES) {
        return;
      }
      const length = received.readUInt32BE();
      if (length > MAX_ANSWER_BYTES) {
        fail(`an answer of ${length} bytes`);
      } else if (received.length >= HEADER_BYTES + length) {
        try {
          const answer = JSON.parse(received.subarray(HEADER_BYTES, HEADER_BYTES + length).toString('utf8')) as {
            holds?: unknown;
          };
          clearTimeout(timer);
          resolve(typeof answer.holds === 'string' ? answer.holds : null);
          socket.destroy();
        } catch (error) {
          fail('the answer is not JSON', error);
        }
      }
    });
  });
}
