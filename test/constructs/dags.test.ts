import { Duration, Size } from 'cdk8s';
import { AccessMode, Dags, type PodContainer, SecretRef } from '../../constructs/index.js';
import { container, envNames, envValue, mountNames, type PodSpec, Stack } from './stack.js';
import { taskPod } from './task-pod.js';

const initNames = (pod: PodSpec): string[] => (pod.initContainers ?? []).map(({ name }) => name);

describe('Dags.baked', () => {
  test('mounts nothing and reads the folder of the image', () => {
    const stack = new Stack({ dags: Dags.baked({ folder: '/dags' }) });
    expect(stack.get('ConfigMap', 'airflow-config').data['airflow.cfg']).toContain('dags_folder = /dags\n');
    expect(mountNames(container(stack.pod('Deployment', 'airflow-dag-processor'), 'dag-processor'))).not.toContain(
      'dags',
    );
  });

  test('matches its snapshot', () => {
    const pod = new Stack({ dags: Dags.baked() }).pod('Deployment', 'airflow-dag-processor');
    expect(container(pod, 'dag-processor').volumeMounts).toMatchSnapshot();
  });
});

describe('Dags.volume', () => {
  test('makes a claim that works on every cluster', () => {
    expect(new Stack({ dags: Dags.volume() }).get('PersistentVolumeClaim', 'airflow-dags').spec).toEqual({
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
    });
  });

  test('takes size, class and access mode', () => {
    const dags = Dags.volume({ size: Size.gibibytes(5), storageClass: 'nfs', accessMode: AccessMode.READ_WRITE_MANY });
    expect(new Stack({ dags }).get('PersistentVolumeClaim', 'airflow-dags').spec).toEqual({
      accessModes: ['ReadWriteMany'],
      storageClassName: 'nfs',
      resources: { requests: { storage: '5Gi' } },
    });
  });

  test('takes an existing claim and a folder of it', () => {
    const stack = new Stack({ dags: Dags.volume({ existingClaim: 'mine', subPath: 'team/dags' }) });
    expect(stack.all('PersistentVolumeClaim')).toEqual([]);
    const pod = stack.pod('Deployment', 'airflow-dag-processor');
    expect(pod.volumes).toContainEqual({ name: 'dags', persistentVolumeClaim: { claimName: 'mine' } });
    expect(container(pod, 'dag-processor').volumeMounts).toContainEqual({
      name: 'dags',
      mountPath: '/opt/airflow/dags',
      subPath: 'team/dags',
    });
  });

  test('is in the pods that need DAGs and in no other', () => {
    const stack = new Stack({ dags: Dags.volume() });
    const mounting = stack
      .pods()
      .filter(([, { spec }]) => spec.containers.some((each) => mountNames(each).includes('dags')));
    expect(mounting.map(([name]) => name)).toEqual(['airflow-dag-processor', 'airflow-triggerer']);
    expect(container(taskPod(stack).spec, 'base').volumeMounts).toContainEqual({
      name: 'dags',
      mountPath: '/opt/airflow/dags',
      readOnly: true,
    });
  });

  test('keeps its pods, those of tasks too, on one node unless many nodes may mount it', () => {
    const label = 'cdk8s-airflow/dags-volume';
    const once = new Stack({ dags: Dags.volume() });
    const term = { labelSelector: { matchLabels: { [label]: 'airflow-dags' } }, topologyKey: 'kubernetes.io/hostname' };
    for (const pod of [once.get('Deployment', 'airflow-dag-processor').spec.template, taskPod(once)]) {
      expect(pod.metadata.labels[label]).toBe('airflow-dags');
      expect(pod.spec.affinity?.podAffinity.requiredDuringSchedulingIgnoredDuringExecution).toEqual([term]);
    }
    const many = new Stack({ dags: Dags.volume({ accessMode: AccessMode.READ_WRITE_MANY }) });
    expect(many.text()).not.toContain(label);
    expect(taskPod(many).spec.affinity).toBeUndefined();
  });

  test('adds to an affinity that was given', () => {
    const stack = new Stack({ dags: Dags.volume(), dagProcessor: { affinity: { nodeAffinity: { x: 1 } } } });
    expect(stack.pod('Deployment', 'airflow-dag-processor').affinity).toMatchObject({
      nodeAffinity: { x: 1 },
      podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname' }] },
    });
  });

  test('matches its snapshot', () => {
    expect(new Stack({ dags: Dags.volume() }).get('PersistentVolumeClaim', 'airflow-dags')).toMatchSnapshot();
  });
});

describe('Dags.gitSync', () => {
  const stack = new Stack({
    dags: Dags.gitSync({
      repo: 'git@example.com:dags.git',
      ref: 'main',
      subPath: 'src/dags',
      period: Duration.seconds(20),
      sshKey: SecretRef.named('airflow-ssh-secret', 'gitSshKey'),
      knownHosts: SecretRef.named('airflow-ssh-secret', 'known_hosts'),
    }),
  });
  const pod = stack.pod('Deployment', 'airflow-dag-processor');
  const sync: PodContainer = container(pod, 'git-sync');

  test('clones once before, and follows the repository beside the DAG processor and the triggerer', () => {
    for (const each of [pod, stack.pod('StatefulSet', 'airflow-triggerer')]) {
      expect(initNames(each)).toEqual(['git-sync-init', 'git-sync', 'wait-for-airflow-migrations']);
      expect(container(each, 'git-sync').restartPolicy).toBe('Always');
    }
    expect(initNames(stack.pod('Deployment', 'airflow-scheduler'))).not.toContain('git-sync');
    expect(initNames(stack.pod('Deployment', 'airflow-api-server'))).not.toContain('git-sync');
  });

  test('clones once, and only once, for a task', () => {
    const task = taskPod(stack).spec;
    expect(initNames(task)).toEqual(['git-sync-init']);
    expect(envValue(container(task, 'git-sync-init'), 'GITSYNC_ONE_TIME')).toBe('true');
  });

  test('speaks the variables of git-sync 4', () => {
    const values = Object.fromEntries(envNames(sync).map((name) => [name, envValue(sync, name)]));
    expect(values).toEqual({
      GITSYNC_REPO: 'git@example.com:dags.git',
      GITSYNC_REF: 'main',
      GITSYNC_DEPTH: '1',
      GITSYNC_ROOT: '/git',
      GITSYNC_LINK: 'repo',
      GITSYNC_PERIOD: '20s',
      GITSYNC_MAX_FAILURES: '-1',
      GITSYNC_SSH_KEY_FILE: '/etc/git-secret/ssh',
      GITSYNC_SSH_KNOWN_HOSTS: 'true',
      GITSYNC_SSH_KNOWN_HOSTS_FILE: '/etc/git-secret-hosts/known_hosts',
    });
  });

  test('reads DAGs from the folder of the repository', () => {
    expect(stack.get('ConfigMap', 'airflow-config').data['airflow.cfg']).toContain(
      'dags_folder = /opt/airflow/dags/repo/src/dags\n',
    );
  });

  test('shows the key to git-sync only, with a mode that ssh accepts', () => {
    expect(mountNames(sync)).toEqual(['dags', 'git-known-hosts', 'git-ssh-key']);
    expect(mountNames(container(pod, 'dag-processor'))).toEqual(['config', 'dags', 'logs', 'scripts']);
    expect(pod.volumes).toContainEqual({
      name: 'git-ssh-key',
      secret: { secretName: 'airflow-ssh-secret', items: [{ key: 'gitSshKey', path: 'ssh' }], defaultMode: 0o440 },
    });
  });

  test('takes user name and password for http from a Secret', () => {
    const dags = Dags.gitSync({
      repo: 'https://example.com/dags.git',
      username: SecretRef.named('git', 'user'),
      password: SecretRef.named('git', 'token'),
    });
    const http = container(new Stack({ dags }).pod('Deployment', 'airflow-dag-processor'), 'git-sync-init');
    expect(http.env).toContainEqual({
      name: 'GITSYNC_PASSWORD',
      valueFrom: { secretKeyRef: { name: 'git', key: 'token' } },
    });
    expect(envNames(http)).not.toContain('GITSYNC_SSH_KEY_FILE');
  });

  test('matches its snapshot', () => {
    expect(sync).toMatchSnapshot();
  });
});
