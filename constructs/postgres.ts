import { ApiObject, Size, SizeRoundingBehavior } from 'cdk8s';
import { Construct } from 'constructs';
import { PORTS } from './contract.js';
import type { CreatedSecrets } from './created-secrets.js';
import type { EmbeddedDatabaseOptions } from './database.js';
import { fromSecret, restricted, restrictedPod } from './pod.js';
import type { Release } from './release.js';
import { checkResources, renderResources } from './resources.js';
import { SecretRef } from './secret-ref.js';
import { Checks } from './validation.js';

/** Props of `Postgres`. */
export interface PostgresProps extends EmbeddedDatabaseOptions {
  readonly release: Release;
  readonly secrets: CreatedSecrets;
}

const COMPONENT = 'postgresql';
/** Uid and gid of `postgres` in the public image. */
const UID = 999;
const DATA = '/var/lib/postgresql/data';

/** A Postgres with one pod: StatefulSet, Service and volume. */
export class Postgres extends Construct {
  /** Host name of its Service. */
  public readonly host: string;
  /** Password of the user `postgres`. */
  public readonly password: SecretRef;
  /** The StatefulSet. */
  public readonly workload: ApiObject;

  public constructor(scope: Construct, id: string, props: PostgresProps) {
    super(scope, id);
    const { release } = props;
    const checks = new Checks(release.scope, 'database.');
    const version = props.version ?? '17';
    if (!/^\d+(\.\d+)*$/.test(version))
      checks.report('version', version, "must be a version of Postgres, such as '17'");
    else if (Number.parseInt(version, 10) < 13)
      checks.report('version', version, 'must be at least 13: Airflow supports no older one');
    if (props.storage)
      checks.integer('storage', props.storage.toMebibytes({ rounding: SizeRoundingBehavior.FLOOR }), 1);
    checkResources(checks, props.resources);
    checks.dnsName('storageClass', props.storageClass);

    const name = `${release.name}-${COMPONENT}`;
    const labels = release.objectLabels(COMPONENT);
    const selector = release.selector(COMPONENT);
    this.host = name;
    this.password = props.password ?? SecretRef.named(name, 'postgres-password');
    if (!props.password) props.secrets.add(name, { 'postgres-password': { generate: 'password' } });

    new ApiObject(this, 'Service', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, labels },
      spec: { selector, ports: [{ name: 'postgresql', port: PORTS.POSTGRES, targetPort: 'postgresql' }] },
    });
    const ready = { exec: { command: ['pg_isready', '-q', '-U', 'postgres', '-h', '127.0.0.1'] }, timeoutSeconds: 5 };
    this.workload = new ApiObject(this, 'Resource', {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name, labels },
      spec: {
        serviceName: name,
        replicas: 1,
        selector: { matchLabels: selector },
        template: {
          metadata: { labels: { ...release.labels, ...selector } },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            securityContext: restrictedPod(UID, UID),
            imagePullSecrets: release.imagePullSecrets(),
            containers: [
              {
                name: COMPONENT,
                image: props.image ?? `docker.io/library/postgres:${version}`,
                imagePullPolicy: release.imagePullPolicy,
                env: [
                  fromSecret('POSTGRES_PASSWORD', this.password.secretName, this.password.key),
                  // A subfolder: the root of a volume may hold lost+found, and initdb wants an empty folder.
                  { name: 'PGDATA', value: `${DATA}/pgdata` },
                ],
                ports: [{ name: 'postgresql', containerPort: PORTS.POSTGRES }],
                startupProbe: { ...ready, periodSeconds: 2, failureThreshold: 150 },
                readinessProbe: { ...ready, periodSeconds: 10 },
                livenessProbe: { ...ready, periodSeconds: 20, failureThreshold: 6 },
                resources: renderResources({ cpu: '50m', memory: '128Mi' }, props.resources),
                securityContext: restricted({ readOnlyRootFilesystem: true }),
                volumeMounts: [
                  { name: 'data', mountPath: DATA },
                  { name: 'run', mountPath: '/var/run/postgresql' },
                  { name: 'tmp', mountPath: '/tmp' },
                  { name: 'shm', mountPath: '/dev/shm' },
                ],
              },
            ],
            volumes: [
              { name: 'run', emptyDir: {} },
              { name: 'tmp', emptyDir: {} },
              // The runtime's 64 MiB are too little for parallel queries.
              { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: '256Mi' } },
            ],
          },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data', labels: selector },
            spec: {
              accessModes: ['ReadWriteOnce'],
              resources: { requests: { storage: (props.storage ?? Size.gibibytes(8)).asString() } },
              storageClassName: props.storageClass,
            },
          },
        ],
      },
    });
  }
}
