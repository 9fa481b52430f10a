import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Cluster } from './cluster.js';

const PORT = 2222;
const restricted = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };

/** A real sshd with a private repository, in the namespace under test. */
export class GitServer {
  /** The repository, as a pod of the namespace names it. */
  readonly repo = `ssh://git@git-server:${PORT}/srv/git/dags.git`;

  private constructor(
    private readonly cluster: Cluster,
    /** Name of the Secret with the keys `gitSshKey` and `known_hosts`. */
    readonly secret: string,
  ) {}

  static async start(cluster: Cluster): Promise<GitServer> {
    const folder = mkdtempSync(join(tmpdir(), 'cdk8s-airflow-keys-'));
    for (const name of ['client', 'host']) {
      await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(folder, name)]);
    }
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
    const hostKey = read('host.pub').split(' ').slice(0, 2).join(' ');
    const known = `[git-server]:${PORT} ${hostKey}\n`;
    const labels = { app: 'git-server' };
    const metadata = (name: string) => ({ name, namespace: cluster.namespace, labels });
    await cluster.create(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: metadata('git-key'),
        stringData: { gitSshKey: read('client'), known_hosts: known },
      },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: metadata('git-server'),
        stringData: { authorized_keys: read('client.pub'), ssh_host_ed25519_key: read('host') },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: metadata('git-server'),
        spec: { selector: labels, ports: [{ port: PORT }] },
      },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: metadata('git-server'),
        spec: {
          selector: { matchLabels: labels },
          template: {
            metadata: { labels: { ...labels, component: 'git-server' } },
            spec: {
              automountServiceAccountToken: false,
              securityContext: { runAsNonRoot: true, fsGroup: 1000, seccompProfile: { type: 'RuntimeDefault' } },
              containers: [
                {
                  name: 'git-server',
                  image: 'docker.io/cdk8s-airflow/git-server:test',
                  imagePullPolicy: 'Never',
                  securityContext: restricted,
                  readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
                  volumeMounts: [{ name: 'keys', mountPath: '/etc/git-server' }],
                },
              ],
              volumes: [{ name: 'keys', secret: { secretName: 'git-server', defaultMode: 0o440 } }],
            },
          },
        },
      },
    );
    await cluster.ready('git-server');
    return new GitServer(cluster, 'git-key');
  }

  /** Commits a file and pushes it over ssh, as a person with the key would. */
  async push(path: string, content: string): Promise<void> {
    const pod = await this.cluster.ready('git-server');
    const key = await this.cluster.kubectl(
      ...['get', 'secret', this.secret, '-n', this.cluster.namespace],
      ...['-o', 'jsonpath={.data.gitSshKey}'],
    );
    await this.cluster.sh(
      pod,
      'git-server',
      `work=$(mktemp -d); cd "$work"
       printf %s '${key}' | base64 -d > key; chmod 600 key
       export GIT_SSH_COMMAND="ssh -i $work/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
       git clone -q ${this.repo.replace('git-server:', 'localhost:')} dags; cd dags; git checkout -q -B main
       cat > '${path}' <<'EOF'
${content}
EOF
       git add -A
       git -c user.name=e2e -c user.email=e2e@example.com commit -qm 'Change ${path}'
       git push -q origin main; rm -rf "$work"`,
    );
  }
}
