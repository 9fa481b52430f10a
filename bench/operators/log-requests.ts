import { KubeConfig } from '@kubernetes/client-node';
import { Agent, request } from 'node:https';

/**
 * How many logs and commands of pods the API server has served so far, by its own count: the audit policy of the local
 * cluster leaves them out. Everybody's, so nothing else may ask for logs meanwhile.
 */
export async function logRequests(kubeconfig: string): Promise<number> {
  return countLogRequests(await metrics(kubeconfig));
}

/** Sums up the lines of the API server's metrics; pure. */
export function countLogRequests(text: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith('apiserver_request_total{') && line.includes('resource="pods"'))
    .filter((line) => /subresource="(log|exec|attach)"/.test(line))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

async function metrics(kubeconfig: string): Promise<string> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const options: Parameters<KubeConfig['applyToHTTPSOptions']>[0] = {};
  await config.applyToHTTPSOptions(options);
  const { ca, cert, key } = options as { ca?: Buffer; cert?: Buffer; key?: Buffer };
  const url = `${config.getCurrentCluster()?.server ?? ''}/metrics`;
  return new Promise((resolve, reject) => {
    const call = request(url, { agent: new Agent({ ca, cert, key }) }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => {
        resolve(text);
      });
    });
    call.on('error', reject);
    call.end();
  });
}
