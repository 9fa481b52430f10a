import { parsePodTemplate } from '../../src/runtime/config/pod-template.js';
import { buildPod, placePod } from '../../src/runtime/pods/pod.js';
import { likeReal } from '../scenarios/launch.js';
import { Connection } from '../cluster/connection.js';

/** What the parent hands over, as one JSON argument. */
export interface BareCreateInput {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly count: number;
  readonly inFlight: number;
  readonly template: string;
}

export interface BareCreateOutput {
  readonly startedAt: number;
  readonly cpuMs: number;
}

/** Creates the very pods that the launcher would, made beforehand, as fast as one HTTP/2 session can. */
async function main(input: BareCreateInput): Promise<BareCreateOutput> {
  const context = { deployment: input.namespace, namespaces: [input.namespace] };
  const template = parsePodTemplate(input.template, 'pod template');
  const calls = likeReal(input.count).map((launch) => ({
    method: 'POST' as const,
    path: `/api/v1/namespaces/${input.namespace}/pods`,
    body: JSON.stringify(buildPod(launch, template, context, placePod(launch, context))),
  }));
  const connection = await Connection.open(input.kubeconfig, 'bare-http2');
  const cpuBefore = process.cpuUsage();
  const startedAt = Date.now();
  await connection.callAll(calls, input.inFlight);
  const { user, system } = process.cpuUsage(cpuBefore);
  connection.close();
  return { startedAt, cpuMs: (user + system) / 1000 };
}

const [, , argument] = process.argv;
void main(JSON.parse(argument ?? '{}') as BareCreateInput).then(
  (output) => {
    process.stdout.write(JSON.stringify(output));
  },
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exitCode = 1;
  },
);
