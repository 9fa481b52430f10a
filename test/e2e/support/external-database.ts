import { Database, SecretRef } from '../../../constructs/index.js';
import type { Cluster } from './cluster.js';

const NAME = 'company-database';
const PORT = 5432;
const restricted = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };

/** A Postgres of its own in the namespace under test, that the stack only knows by host, user and password. */
export async function externalDatabase(cluster: Cluster, password: string): Promise<Database> {
  const labels = { app: NAME };
  const metadata = { name: NAME, namespace: cluster.namespace, labels };
  const env = (name: string, key: string) => ({ name, valueFrom: { secretKeyRef: { name: NAME, key } } });
  await cluster.create(
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { username: 'air flow@company', password } },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports: [{ port: PORT }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels: { ...labels, component: NAME } },
          spec: {
            automountServiceAccountToken: false,
            securityContext: {
              ...{ runAsNonRoot: true, runAsUser: 999, fsGroup: 999 },
              seccompProfile: { type: 'RuntimeDefault' },
            },
            containers: [
              {
                name: 'postgres',
                image: 'docker.io/library/postgres:17',
                imagePullPolicy: 'IfNotPresent',
                securityContext: restricted,
                env: [
                  env('POSTGRES_USER', 'username'),
                  env('POSTGRES_PASSWORD', 'password'),
                  { name: 'POSTGRES_DB', value: 'airflow-metadata' },
                  { name: 'PGDATA', value: '/var/lib/postgresql/data/pgdata' },
                ],
                // While it initializes, it listens to a socket only.
                readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
                volumeMounts: [{ name: 'data', mountPath: '/var/lib/postgresql/data' }],
              },
            ],
            volumes: [{ name: 'data', emptyDir: {} }],
          },
        },
      },
    },
  );
  return Database.external({
    host: NAME,
    database: 'airflow-metadata',
    user: SecretRef.named(NAME, 'username'),
    password: SecretRef.named(NAME, 'password'),
  });
}
