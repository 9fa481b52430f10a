import { createHash, randomBytes } from 'node:crypto';
import { App, Chart, Duration } from 'cdk8s';
import { parse } from 'yaml';
import {
  AccessMode,
  Airflow,
  type AirflowProps,
  Dags,
  Database,
  Executor,
  Logs,
  SecretRef,
} from '../../constructs/index.js';
import { PATHS } from '../../constructs/contract.js';
import { apply } from '../../src/cli/kube/apply.js';
import { KubeApiError, type KubeClient } from '../../src/cli/kube/client.js';
import type { KubeObject } from '../../src/cli/kube/objects.js';
import { Session } from '../../src/cli/session.js';

const namespace = `variants-${randomBytes(3).toString('hex')}`;
const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
const secret = (name: string): SecretRef => SecretRef.named(name, 'key');

const EXECUTORS: Record<string, () => Executor> = {
  kubernetes: () => Executor.kubernetes(),
  standby: () => Executor.kubernetes({ standby: { pods: 2 } }),
  stock: () => Executor.stockKubernetes(),
  local: () => Executor.local(),
  combined: () => Executor.combine(Executor.local(), Executor.kubernetes({ alias: 'pods' })),
};
const DATABASES: Record<string, () => Database> = {
  embedded: () => Database.embedded(),
  connection: () => Database.external({ connection: secret('connection') }),
  login: () => Database.external({ host: 'db.example.com', user: secret('login'), password: secret('login') }),
};
const DAGS: Record<string, () => Dags> = {
  baked: () => Dags.baked(),
  volume: () => Dags.volume({ accessMode: AccessMode.READ_WRITE_MANY }),
  git: () => Dags.gitSync({ repo: 'https://example.com/dags.git', username: secret('git'), password: secret('git') }),
  ssh: () => Dags.gitSync({ repo: 'git@example.com:dags.git', sshKey: secret('ssh'), knownHosts: secret('ssh') }),
};
const LOGS: Record<string, () => Logs> = {
  ephemeral: () => Logs.ephemeral(),
  volume: () => Logs.volume({ retention: Duration.days(30) }),
};
const VERSIONS = ['3.3.2', '2.11.2'];
/** What goes with every choice above. */
const OPERATIONS: AirflowProps = {
  components: { nodeSelector: { pool: 'airflow' }, tolerations: [{ operator: 'Exists' }] },
  scheduler: { replicas: 2, disruptionBudget: { minAvailable: 1 } },
  webserver: {
    baseUrl: 'https://airflow.example.com/flow',
    ingress: { className: 'nginx', tlsSecretName: 'tls' },
    autoscaling: { minReplicas: 2, maxReplicas: 4 },
    disruptionBudget: {},
  },
  dagProcessor: { disruptionBudget: {} },
  triggerer: { replicas: 2, disruptionBudget: {} },
  databaseCleanup: { archive: true },
};

interface PodOwner {
  readonly spec: { readonly template: object };
}

/** Every stack that the choices make, but for those that are refused at synth: see constructs/kubernetes-executor.ts. */
function* variants(): Generator<[string, AirflowProps]> {
  for (const [executor, makeExecutor] of Object.entries(EXECUTORS)) {
    for (const [database, makeDatabase] of Object.entries(DATABASES)) {
      for (const [dags, makeDags] of Object.entries(DAGS)) {
        for (const [logs, makeLogs] of Object.entries(LOGS)) {
          for (const airflowVersion of VERSIONS) {
            if (executor === 'standby' && (airflowVersion.startsWith('2') || dags === 'git' || dags === 'ssh')) {
              continue;
            }
            const made = { executor: makeExecutor(), database: makeDatabase(), dags: makeDags(), logs: makeLogs() };
            const name = [executor, database, dags, logs, airflowVersion].join(', ');
            yield [name, { ...made, airflowVersion }];
            yield [`${name}, operations`, { ...OPERATIONS, ...made, airflowVersion }];
          }
        }
      }
    }
  }
}

function synthesize(props: AirflowProps): KubeObject[] {
  const chart = new Chart(new App(), 'chart', { namespace });
  new Airflow(chart, 'airflow', props);
  return chart.toJson() as KubeObject[];
}

/** The pods that an object makes, as objects of their own. */
function podsOf(object: KubeObject): KubeObject[] {
  const pod = ({ spec: { template } }: PodOwner): KubeObject =>
    ({ apiVersion: 'v1', kind: 'Pod', ...template }) as unknown as KubeObject;
  switch (object.kind) {
    case 'Deployment':
    case 'Job':
      return [pod(object as unknown as PodOwner)];
    case 'StatefulSet':
      return [withClaims(pod(object as unknown as PodOwner), object)];
    case 'CronJob':
      return [pod((object as unknown as { spec: { jobTemplate: PodOwner } }).spec.jobTemplate)];
    case 'ConfigMap': {
      const template = (object as unknown as { data: Record<string, string> }).data[PATHS.POD_TEMPLATE_FILE];
      return template === undefined ? [] : [parse(template) as KubeObject];
    }
    default:
      return [];
  }
}

/** The controller of a StatefulSet gives its pods volumes of their claims. */
function withClaims(pod: KubeObject, set: KubeObject): KubeObject {
  const { spec } = pod as unknown as { spec: { volumes?: object[] } };
  const claims = (set as unknown as { spec: { volumeClaimTemplates?: KubeObject[] } }).spec.volumeClaimTemplates ?? [];
  const made = claims.map(({ metadata: { name } }) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return { ...pod, spec: { ...spec, volumes: [...(spec.volumes ?? []), ...made] } } as KubeObject;
}

async function createDry(client: KubeClient, pod: KubeObject): Promise<void> {
  const metadata = { ...pod.metadata, name: undefined, generateName: 'variant-', namespace };
  await client.request('POST', await client.pathOf('v1', 'Pod', namespace), {
    query: { dryRun: 'All', fieldValidation: 'Strict' },
    body: { ...pod, metadata },
  });
}

describe('every variant of the stack', () => {
  const session = new Session({ namespace, release: 'airflow', output: 'json' }, new AbortController().signal);
  const known = new Set<string>();
  const refused: string[] = [];

  /** Most objects are the same in many variants. */
  function isNew(object: unknown): boolean {
    const hash = createHash('sha256').update(JSON.stringify(object)).digest('hex');
    return !known.has(hash) && known.add(hash).has(hash);
  }

  async function attempt(variant: string, object: KubeObject, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof KubeApiError)) throw error;
      refused.push(`${variant}: ${object.kind} ${object.metadata.name}: ${error.message}`);
    }
  }

  beforeAll(async () => {
    await apply(session.client, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: restricted },
    });
  });

  afterAll(async () => {
    await session.client.request('DELETE', `/api/v1/namespaces/${namespace}`);
  });

  test('is taken by the API server, each of its pods by Pod Security "restricted", with no field that it does not know', async () => {
    let count = 0;
    for (const [variant, props] of variants()) {
      count += 1;
      const objects = synthesize(props).filter(isNew);
      // A pod is admitted only when its service account is there.
      for (const account of objects.filter(({ kind }) => kind === 'ServiceAccount')) {
        await attempt(variant, account, () => apply(session.client, account));
      }
      for (const object of objects) {
        await attempt(variant, object, () => apply(session.client, object, { dryRun: true }));
        for (const pod of podsOf(object).filter(isNew)) {
          await attempt(variant, object, () => createDry(session.client, pod));
        }
      }
    }
    expect(refused).toEqual([]);
    expect(count).toBeGreaterThan(300);
  }, 120_000);

  test('and a pod that is not restricted, or has a field too many, is refused there', async () => {
    const wrong = (spec: object): KubeObject =>
      ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec }) as unknown as KubeObject;
    const containers = [{ name: 'base', image: 'busybox:1' }];
    await expect(createDry(session.client, wrong({ containers }))).rejects.toThrow(/violates PodSecurity "restricted/);
    await expect(createDry(session.client, wrong({ containers, contaners: [] }))).rejects.toThrow(/unknown field/);
  });
});
