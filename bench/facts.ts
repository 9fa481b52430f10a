import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { KubeConfig, VersionApi } from '@kubernetes/client-node';

/** Where and of what the figures were taken. */
export interface Facts {
  readonly date: string;
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly kubernetes: string;
  readonly airflow: string;
  readonly stockProvider: string;
  /** Processes that wanted to run in the minute before; a quiet machine has well under 1. */
  readonly loadBefore: number;
}

const PINS = 'scripts/images/base/requirements.txt';

export async function gatherFacts(kubeconfig: string): Promise<Facts> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const { gitVersion } = await config.makeApiClient(VersionApi).getCode();
  const pins = readFileSync(PINS, 'utf8');
  const pinned = (name: string): string => new RegExp(`^${name}==(\\S+)`, 'm').exec(pins)?.[1] ?? 'unknown';
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    kubernetes: gitVersion,
    airflow: pinned('apache-airflow'),
    stockProvider: pinned('apache-airflow-providers-cncf-kubernetes'),
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}
