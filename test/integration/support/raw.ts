import net from 'node:net';
import { FrameDecoder } from '../../../src/runtime/link/frames.js';

/** Writes bytes to the socket and returns what is answered until the launcher closes the connection. */
export async function sendRaw(path: string, bytes: Buffer): Promise<Record<string, unknown>[]> {
  const decoder = new FrameDecoder();
  const answers: Record<string, unknown>[] = [];
  await new Promise<void>((resolve, reject) => {
    const socket = net.connect(path, () => socket.write(bytes));
    socket.on('data', (chunk) => answers.push(...decoder.push(chunk)));
    socket.on('close', resolve);
    socket.on('error', reject);
  });
  return answers;
}
