import { spawn } from 'node:child_process';

/** An outage of a part of the control plane. */
export class Outage {
  /** Has the part been killed? */
  down = false;
  /** Resolves when the cluster is healthy again. @throws Error with what the script said */
  readonly over: Promise<void>;

  /**
   * Kills the part, and starts it again after so many seconds. The script ends the outage by itself, even if the tests
   * die meanwhile.
   */
  constructor(part: 'apiserver' | 'etcd', seconds: number) {
    const command = ['scripts/cluster/cluster.sh', 'interrupt', part, '--for', String(seconds)];
    const child = spawn('bash', command, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      this.down ||= said.includes(`the ${part} is down`);
    });
    this.over = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        if (code === 0) {
          resolve();
        } else {
          reject(new Error(`${command.join(' ')} ended with ${code}: ${said}`));
        }
      });
    });
    // Whoever waits for it hears of a failure; a test that has failed before does not.
    this.over.catch(() => undefined);
  }
}
