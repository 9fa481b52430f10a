import { inApplyOrder } from '../../../src/cli/kube/order.js';

const object = (kind: string, name = 'x') => ({ apiVersion: 'v1', kind, metadata: { name } });

describe('the order in which objects are applied', () => {
  test('is namespaces, rights, configuration, secrets, storage, services, jobs, workloads', () => {
    const kinds = [
      'Deployment',
      'Job',
      'Service',
      'PersistentVolumeClaim',
      'Secret',
      'ConfigMap',
      'RoleBinding',
      'Role',
      'ServiceAccount',
      'Namespace',
    ];
    expect(inApplyOrder(kinds.map((kind) => object(kind))).map(({ kind }) => kind)).toEqual([
      'Namespace',
      'Role',
      'ServiceAccount',
      'RoleBinding',
      'Secret',
      'ConfigMap',
      'PersistentVolumeClaim',
      'Service',
      'Job',
      'Deployment',
    ]);
  });

  test('has what limits a right before the right', () => {
    const kinds = ['RoleBinding', 'Role', 'ValidatingAdmissionPolicyBinding', 'ValidatingAdmissionPolicy'];
    expect(inApplyOrder(kinds.map((kind) => object(kind))).map(({ kind }) => kind)).toEqual([
      ...['ValidatingAdmissionPolicyBinding', 'ValidatingAdmissionPolicy', 'Role', 'RoleBinding'],
    ]);
  });

  test('keeps the order of the manifests among equals', () => {
    const sorted = inApplyOrder([object('Deployment', 'b'), object('StatefulSet', 'c'), object('Deployment', 'a')]);
    expect(sorted.map(({ metadata }) => metadata.name)).toEqual(['b', 'c', 'a']);
  });

  test('puts kinds that it does not know last', () => {
    const sorted = inApplyOrder([object('ScaledObject'), object('Deployment'), object('Ingress')]);
    expect(sorted.map(({ kind }) => kind)).toEqual(['Deployment', 'ScaledObject', 'Ingress']);
  });
});
