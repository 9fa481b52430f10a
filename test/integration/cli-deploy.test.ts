import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { STACK_NAMESPACE_LABEL } from '../../constructs/contract.js';
import { deploySteps, newDeployContext, type DeployResult } from '../../src/cli/deploy.js';
import { EXIT_CODES } from '../../src/cli/errors.js';
import { KubeClient } from '../../src/cli/kube/client.js';
import type { KubeObject, Workload } from '../../src/cli/kube/objects.js';
import { takeOver } from '../../src/cli/kube/take-over.js';
import { steps } from '../../src/cli/progress.js';
import { Session } from '../../src/cli/session.js';

const ROOT = join(__dirname, '../..');
const namespace = `cli-${randomBytes(3).toString('hex')}`;
const release = 'deploytest';
const session = new Session({ namespace, release, output: 'json' }, new AbortController().signal);
const folder = mkdtempSync(join(tmpdir(), 'cli-deploy-'));

const labels = (app: string) => ({ release, app });

function configMap(name: string, data: unknown = { key: 'value' }): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: labels(name) }, data };
}

interface PodOwner {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly object[] } } };
}

/** A Deployment that Pod Security "restricted" admits. */
function deployment(name: string, container: object, pod: object = {}): object {
  const securityContext = {
    runAsUser: 1000,
    runAsNonRoot: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  };
  const main = { name: 'main', image: 'busybox:1', imagePullPolicy: 'IfNotPresent', securityContext, ...container };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: labels(name) },
    spec: {
      selector: { matchLabels: labels(name) },
      template: {
        metadata: { labels: labels(name) },
        spec: { terminationGracePeriodSeconds: 0, containers: [main], ...pod },
      },
    },
  };
}

const sidecar = {
  ...(deployment('x', { command: ['sleep', '3600'] }) as PodOwner).spec.template.spec.containers[0],
  name: 'sidecar',
  restartPolicy: 'Always',
};

async function deploy(objects: readonly object[], timeout = 60): Promise<DeployResult> {
  writeFileSync(join(folder, 'app.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  const context = newDeployContext();
  const options = { synth: false, createNamespace: true, prune: true, wait: true, timeout };
  await steps(deploySteps(session, { ...options, projectFolder: folder, appOutput: '.' })).run(context);
  return context.result;
}

async function exists(kind: string, name: string): Promise<boolean> {
  return (await session.client.find<KubeObject>('v1', kind, namespace, name)) !== undefined;
}

describe('deploy', () => {
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await session.client.request('DELETE', `/api/v1/namespaces/${namespace}`);
  });

  test('changes nothing when the cluster refuses one object, and says all that it refuses', async () => {
    const misspelt = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { prots: [] } };
    const refused = deploy([configMap('fine'), misspelt, configMap('broken', { key: 1 })]);
    await expect(refused).rejects.toMatchObject({ exitCode: EXIT_CODES.REFUSED });
    await expect(refused).rejects.toThrow(/refuses 2 of 4 objects; nothing was changed:[^]*broken[^]*prots/);
    expect(await session.client.find('v1', 'Namespace', '', namespace)).toBeUndefined();
  });

  test('makes the namespace, applies, waits, and changes nothing the second time', async () => {
    const objects = [deployment('web', { command: ['sleep', '3600'] }), configMap('first')];
    const result = await deploy(objects);
    expect(result.applied.map(({ object }) => object)).toEqual([
      `namespace/${namespace}`,
      'configmap/first',
      'deployment/web',
    ]);
    expect(result.ready).toEqual(['deployment/web']);
    const again = await deploy(objects);
    expect(again.applied.map(({ outcome }) => outcome)).toEqual(['unchanged', 'unchanged']);
    expect(again.removed).toEqual([]);
  }, 120_000);

  test('removes what the stack no longer has, but no Secret and nothing that others made', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'kept', labels: labels('kept') } };
    await deploy([configMap('first'), configMap('second'), secret]);
    await session.client.request('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body: configMap('foreign') });
    expect((await deploy([configMap('first')])).removed).toEqual(['configmap/second']);
    expect(await exists('ConfigMap', 'second')).toBe(false);
    expect(await exists('ConfigMap', 'foreign')).toBe(true);
    expect(await exists('Secret', 'kept')).toBe(true);
  }, 120_000);

  test('removes rights in other namespaces and policies of the cluster, but not those of another stack', async () => {
    const object = (apiVersion: string, kind: string, name: string, of: string, rest: object): object => {
      return {
        apiVersion,
        kind,
        metadata: { name, labels: { ...labels(name), [STACK_NAMESPACE_LABEL]: of }, ...rest },
      };
    };
    const role = (name: string, of = namespace): object =>
      object('rbac.authorization.k8s.io/v1', 'Role', name, of, { namespace: 'default' });
    const policy = (name: string, of = namespace): object => ({
      ...object('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy', name, of, {}),
      spec: {
        matchConstraints: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
        },
        validations: [{ expression: 'true' }],
      },
    });
    const [gone, kept, foreign] = ['gone', 'kept', 'foreign'].map((name) => `${namespace}-${name}`) as [
      string,
      string,
      string,
    ];
    const others = [role(foreign, 'elsewhere'), policy(foreign, 'elsewhere')];
    await deploy([configMap('first'), role(gone), role(kept), policy(gone), policy(kept), ...others]);
    try {
      const { removed } = await deploy([configMap('first'), role(kept), policy(kept)]);
      expect(removed).toEqual([`role/${gone}`, `validatingadmissionpolicy/${gone}`]);
    } finally {
      for (const name of [kept, foreign]) {
        const api = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles';
        await session.client.request('DELETE', `${api}/${name}`);
        const policies = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
        await session.client.request('DELETE', `${policies}/${name}`);
      }
    }
  }, 60_000);

  test('takes over what kubectl applied, list items that the stack no longer has too', async () => {
    const before = deployment('applied', { command: ['sleep', '3600'] }, { initContainers: [sidecar] });
    const file = join(folder, 'kubectl.yml');
    writeFileSync(file, stringify(before));
    await execa(join(ROOT, 'scripts/cluster/cluster.sh'), ['kubectl', '--', 'apply', '-n', namespace, '-f', file]);
    rmSync(file);

    await deploy([deployment('applied', { command: ['sleep', '3600'] })]);
    const after = await session.client.find<Workload>('apps/v1', 'Deployment', namespace, 'applied');
    expect(after?.spec.template?.spec).not.toHaveProperty('initContainers');
    expect(after?.metadata.managedFields?.map(({ manager }) => manager)).not.toContain('kubectl-client-side-apply');
  }, 120_000);

  test('takes an object over while a controller writes to it', async () => {
    const file = join(folder, 'kubectl.yml');
    writeFileSync(file, stringify(deployment('busy', { command: ['sleep', '3600'] })));
    await execa(join(ROOT, 'scripts/cluster/cluster.sh'), ['kubectl', '--', 'apply', '-n', namespace, '-f', file]);
    rmSync(file);
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/busy`;
    let reads = 0;
    // The first two reads are out of date by the time that their reader writes.
    const overtaken = new (class extends KubeClient {
      override async find<T extends KubeObject>(...args: Parameters<KubeClient['find']>): Promise<T | undefined> {
        const live = await super.find<T>(...args);
        reads += 1;
        if (reads < 3) {
          const body = { metadata: { annotations: { read: String(reads) } } };
          await this.request('PATCH', path, { body, contentType: 'application/merge-patch+json' });
        }
        return live;
      }
    })(session.client.config);
    await takeOver(overtaken, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'busy', namespace } });
    expect(reads).toBeGreaterThanOrEqual(3);
    const after = await session.client.find<Workload>('apps/v1', 'Deployment', namespace, 'busy');
    expect(after?.metadata.annotations).toMatchObject({ read: '2' });
    expect(after?.metadata.managedFields?.map(({ manager }) => manager)).not.toContain('kubectl-client-side-apply');
  }, 60_000);

  test('says why a pod does not start, with the end of its log', async () => {
    // Without a probe a container counts as ready as long as it runs, be that for a moment.
    const readinessProbe = { exec: { command: ['false'] } };
    const crashing = deployment('crashing', { command: ['sh', '-c', 'echo no database; exit 3'], readinessProbe });
    const homeless = deployment('homeless', { command: ['sleep', '1'] }, { nodeSelector: { none: 'such' } });
    const failed = deploy([crashing, homeless], 15);
    await expect(failed).rejects.toMatchObject({ exitCode: EXIT_CODES.NOT_READY });
    const { message } = (await failed.catch((error: unknown) => error)) as Error;
    expect(message).toMatch(/deployment\/crashing: not ready in time[^]*exit code 3[^]*\| no database/);
    expect(message).toMatch(
      /deployment\/homeless: not ready in time[^]*Unschedulable: .*didn't match Pod's node affinity/,
    );
  }, 60_000);

  test('says why no pod can be created at all', async () => {
    const forbidden = deployment('forbidden', { command: ['sleep', '1'], securityContext: { privileged: true } });
    await expect(deploy([forbidden], 8)).rejects.toThrow(/FailedCreate: .*violates PodSecurity "restricted/);
  }, 60_000);

  test('ends early when a Job has failed for good', async () => {
    const template = deployment('x', { command: ['false'] }) as { spec: { template: { spec: object } } };
    const pod = { ...template.spec.template.spec, restartPolicy: 'Never' };
    const metadata = { name: 'migrate', labels: labels('migrate') };
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { backoffLimit: 0, template: { spec: pod } } };
    const started = Date.now();
    await expect(
      deploy([job, deployment('slow', { command: ['sleep', '1'] }, { nodeSelector: { none: 'such' } })], 300),
    ).rejects.toThrow('job/migrate: BackoffLimitExceeded');
    expect(Date.now() - started).toBeLessThan(60_000);
  }, 120_000);
});
