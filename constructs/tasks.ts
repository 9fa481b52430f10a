import { Construct } from 'constructs';
import { DeferredPods } from './deferred-pods.js';
import type { TaskAccount } from './executor-binding.js';
import type { Release } from './release.js';
import type { TaskPermissions } from './task-permissions.js';
import { TaskServiceAccount } from './task-service-account.js';
import type { Triggerer } from './triggerer.js';
import { Checks } from './validation.js';

/** Props of `Tasks`; `Airflow` gives them. */
export interface TasksProps {
  readonly release: Release;
  readonly triggerer: Triggerer;
}

/** What tasks may do in the cluster. Their service accounts have no rights and their pods no token unless it is allowed. */
export class Tasks extends Construct {
  private readonly release: Release;
  private readonly deferredPods: DeferredPods;
  /** Of the tasks that name none. */
  private readonly accounts: TaskServiceAccount[];
  /** Of all tasks. */
  private readonly namespaces: string[];

  public constructor(scope: Construct, id: string, props: TasksProps) {
    super(scope, id);
    const { release } = props;
    this.release = release;
    this.deferredPods = new DeferredPods(this, 'deferred', props);
    const accounts = release.executor.taskAccounts ?? [];
    this.namespaces = [...new Set(accounts.flatMap((account) => account.namespaces))];
    this.accounts = joined(accounts).map(({ name, namespaces }) => this.account(name, namespaces));
  }

  /** Allows it to the tasks that have no service account of their own. */
  public allow(permissions: TaskPermissions): void {
    this.needsPods();
    for (const account of this.accounts) account.allow(permissions);
  }

  /**
   * A service account for some of the tasks, made in each namespace of tasks. They get it by their queue
   * (`queues: { etl: { taskPod: { serviceAccountName: 'etl' } } }`) or by their `pod_override`.
   * Asked for again, it is the same one.
   * @param annotations of the service account, e.g. for a cloud identity
   */
  public serviceAccount(name: string, annotations: { [key: string]: string } = {}): TaskServiceAccount {
    this.needsPods();
    const checks = new Checks(this);
    checks.dnsName('serviceAccount', name);
    if (name === `${this.release.name}-airflow-worker`)
      checks.report('serviceAccount', name, "must be another one: 'tasks.allow' is for this one");
    const account = this.account(name, this.namespaces);
    account.create(annotations);
    return account;
  }

  private account(name: string, namespaces: string[]): TaskServiceAccount {
    const { release, deferredPods } = this;
    const id = `account-${name}`;
    const found = this.node.tryFindChild(id) as TaskServiceAccount | undefined;
    return found ?? new TaskServiceAccount(this, id, { release, deferredPods, name, namespaces });
  }

  private needsPods(): void {
    if (this.namespaces.length > 0) return;
    new Checks(this).report(
      'executor',
      this.release.config.get('core', 'executor'),
      'must run tasks in pods of their own (Executor.kubernetes) before they can be allowed anything: those of ' +
        'Executor.local share the service account of the scheduler',
    );
  }
}

/** Two executors may use the same one. */
function joined(accounts: readonly TaskAccount[]): TaskAccount[] {
  const byName = new Map<string, Set<string>>();
  for (const { name, namespaces } of accounts) {
    byName.set(name, new Set([...(byName.get(name) ?? []), ...namespaces]));
  }
  return [...byName].map(([name, namespaces]) => ({ name, namespaces: [...namespaces] }));
}
