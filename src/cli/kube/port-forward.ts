import { createServer, type AddressInfo, type Socket } from 'node:net';
import { PortForward } from '@kubernetes/client-node';
import { CliError, errorMessage, EXIT_CODES } from '../errors.js';
import type { KubeClient } from './client.js';
import type { Pod } from './objects.js';

export interface Forward {
  /** Local port, on 127.0.0.1. */
  readonly port: number;
  close(): Promise<void>;
}

export interface ForwardOptions {
  /** Asked anew for every connection, so that a replaced pod does not end the forward. */
  readonly pod: () => Promise<Pod>;
  readonly targetPort: number;
  /** Local port; 0 picks a free one. */
  readonly localPort?: number;
  readonly onError?: (message: string) => void;
}

/** Listens on 127.0.0.1 and carries every connection to a port of a pod. */
export async function forwardPort(client: KubeClient, options: ForwardOptions): Promise<Forward> {
  const { pod, targetPort, localPort = 0, onError } = options;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    carry(client, pod, targetPort, socket).catch((error: unknown) => {
      onError?.(errorMessage(error));
      socket.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new CliError(EXIT_CODES.ERROR, `Port ${localPort} cannot be used: ${error.message}`, { cause: error }));
    });
    server.listen(localPort, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function carry(client: KubeClient, pod: () => Promise<Pod>, targetPort: number, socket: Socket): Promise<void> {
  const { metadata } = await pod();
  const forward = new PortForward(client.config, true);
  const tunnel = await forward.portForward(
    metadata.namespace ?? '',
    metadata.name,
    [targetPort],
    socket,
    null,
    socket,
    0,
  );
  if (typeof tunnel !== 'function') {
    tunnel.on('close', () => socket.end());
    socket.on('close', () => {
      tunnel.close();
    });
  }
}
