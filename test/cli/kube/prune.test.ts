import type { ObjectMeta } from '../../../src/cli/kube/objects.js';
import { PRUNED_KINDS, superseded } from '../../../src/cli/kube/prune.js';

const ours = [{ manager: 'cdk8s-airflow', operation: 'Apply' }];

function role(name: string, metadata: Partial<ObjectMeta> = {}) {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name, namespace: 'airflow', managedFields: ours, ...metadata },
  };
}

describe('what deploy removes', () => {
  test('is what it applied earlier and does not apply now', () => {
    const found = [role('airflow-pod-launcher-role'), role('airflow-pod-log-reader-role')];
    const removed = superseded(found, [role('airflow-pod-log-reader-role')]);
    expect(removed.map(({ metadata }) => metadata.name)).toEqual(['airflow-pod-launcher-role']);
  });

  test('is nothing that somebody else applied under the same label', () => {
    const byKubectl = role('extra', { managedFields: [{ manager: 'kubectl', operation: 'Apply' }] });
    expect(superseded([byKubectl], [])).toEqual([]);
  });

  test('is nothing that has an owner, or that is being deleted already', () => {
    const owned = role('owned', { ownerReferences: [{ kind: 'CronJob', name: 'x', uid: 'u' }] });
    const going = role('going', { deletionTimestamp: '2026-01-01T00:00:00Z' });
    expect(superseded([owned, going], [])).toEqual([]);
  });

  test('an object of the same name in another namespace does not keep it', () => {
    expect(superseded([role('a')], [role('a', { namespace: 'other' })])).toHaveLength(1);
  });

  test('is never a claim, a Secret or a namespace', () => {
    const kinds = PRUNED_KINDS.map(([, kind]) => kind);
    expect(kinds).not.toEqual(expect.arrayContaining(['PersistentVolumeClaim']));
    expect(kinds).not.toEqual(expect.arrayContaining(['Secret']));
    expect(kinds).not.toEqual(expect.arrayContaining(['Namespace']));
  });
});
