/** Values files as users have them. */
export const EXAMPLES: Readonly<Record<string, string>> = {
  minimal: 'executor: KubernetesExecutor\n',

  'git-sync, an external database and pods': `
executor: KubernetesExecutor
images:
  airflow: { repository: registry.example.com/team/airflow, tag: 3.3.2-7, pullPolicy: Always }
imagePullSecrets: [{ name: registry }]
labels: { team: data }
nodeSelector: { pool: airflow }
env:
  - { name: TZ, value: UTC }
extraEnv: |
  - name: STACK
    value: '{{ .Release.Namespace }}/{{ .Release.Name }}'
  - name: SSO_TOKEN
    valueFrom: { secretKeyRef: { name: sso, key: token } }
secret:
  - { envName: AIRFLOW_CONN_AWS, secretName: connections, secretKey: aws }
postgresql: { enabled: false }
data: { metadataSecretName: database }
fernetKeySecretName: keys
jwtSecretName: keys
apiSecretKeySecretName: keys
dags:
  gitSync:
    enabled: true
    repo: git@example.com:team/dags.git
    ref: main
    subPath: dags
    period: 10s
    sshKeySecret: git
    knownHosts: example.com ssh-ed25519 AAAA
logs: { persistence: { enabled: true, size: 50Gi, storageClassName: shared } }
scheduler:
  replicas: 2
  resources: { requests: { cpu: 500m, memory: 1Gi }, limits: { memory: 2Gi } }
  strategy: { type: Recreate }
  podDisruptionBudget: { enabled: true, config: { maxUnavailable: 1 } }
  extraVolumes:
    - { name: certs, secret: { secretName: certs } }
    - { name: cache, emptyDir: {} }
  extraVolumeMounts:
    - { name: certs, mountPath: /certs, readOnly: true }
    - { name: cache, mountPath: /cache }
  extraContainers:
    - name: exporter
      image: example.com/exporter:1
      args: [--port, '9100']
      ports: [{ name: metrics, containerPort: 9100 }]
apiServer:
  hpa: { enabled: true, minReplicaCount: 2, maxReplicaCount: 4 }
triggerer:
  tolerations:
    - { key: io, operator: Exists, effect: NoSchedule }
    - { key: slow, operator: Exists, effect: NoSchedule }
workers:
  resources: { requests: { cpu: 0.25, memory: 512Mi } }
  serviceAccount: { annotations: { example.com/role: tasks } }
  kubernetes: { resources: { requests: { cpu: 1 } } }
allowPodLaunching: true
ingress:
  apiServer:
    enabled: true
    hosts: [{ name: airflow.example.com, tls: { enabled: true, secretName: tls } }]
    ingressClassName: nginx
config:
  api: { base_url: https://airflow.example.com }
  core: { parallelism: 64, load_examples: false }
  logging: { log_filename_template: 'dag_id={{ "{{" }} ti.dag_id {{ "}}" }}' }
  kubernetes_executor: { multi_namespace_mode_namespace_list: '{{ .Release.Namespace }}' }
databaseCleanup: { enabled: true, retentionDays: 30, tables: [log, xcom], skipArchive: false }
`,

  'LocalExecutor with volumes': `
executor: LocalExecutor
dags: { persistence: { enabled: true, size: 5Gi, accessMode: ReadWriteMany, subPath: dags } }
logs: { persistence: { enabled: true, existingClaim: logs } }
scheduler: { logGroomerSidecar: { enabled: false } }
volumes: [{ name: shared, persistentVolumeClaim: { claimName: shared } }]
volumeMounts: [{ name: shared, mountPath: /shared }]
postgresql: { primary: { persistence: { size: 20Gi, storageClass: fast } } }
createUserJob: { defaultUser: { username: ada, email: ada@example.com, role: Op } }
`,

  'Airflow 2.11': `
airflowVersion: 2.11.2
defaultAirflowTag: 2.11.2
executor: LocalKubernetesExecutor
webserverSecretKeySecretName: session
webserver:
  replicas: 2
  defaultUser: { enabled: false }
  nodeSelector: { pool: web }
nodeSelector: { pool: airflow }
dagProcessor: { enabled: true }
ingress: { web: { enabled: true, hosts: [airflow.example.com], annotations: { example.com/it's: 'a "quote"' } } }
`,

  Celery: `
executor: CeleryExecutor
workers: { replicas: 3, celery: { replicas: 2 }, keda: { enabled: true } }
redis: { password: hunter2 }
flower: { enabled: true }
pgbouncer: { enabled: true }
config: { celery: { worker_concurrency: 8 } }
`,
};
