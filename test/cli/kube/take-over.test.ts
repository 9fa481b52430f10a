import type { ManagedFields } from '../../../src/cli/kube/objects.js';
import { withoutKubectl } from '../../../src/cli/kube/take-over.js';

const kubectl: ManagedFields = {
  manager: 'kubectl-client-side-apply',
  operation: 'Update',
  apiVersion: 'apps/v1',
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:spec': { 'f:replicas': {}, 'f:template': { 'f:spec': {} } } },
};
const controller: ManagedFields = {
  manager: 'kube-controller-manager',
  operation: 'Update',
  subresource: 'status',
  fieldsV1: { 'f:status': {} },
};

describe('what kubectl apply owns', () => {
  test('becomes ours as it is when deploy meets the object for the first time', () => {
    expect(withoutKubectl([controller, kubectl])).toEqual([
      controller,
      { ...kubectl, manager: 'cdk8s-airflow', operation: 'Apply' },
    ]);
  });

  test('joins what deploy owns already', () => {
    const ours: ManagedFields = {
      ...kubectl,
      manager: 'cdk8s-airflow',
      operation: 'Apply',
      fieldsV1: { 'f:metadata': { 'f:labels': {} }, 'f:spec': { 'f:template': { 'f:metadata': {} } } },
    };
    expect(withoutKubectl([ours, kubectl])).toEqual([
      {
        ...ours,
        fieldsV1: {
          'f:metadata': { 'f:labels': {} },
          'f:spec': { 'f:replicas': {}, 'f:template': { 'f:spec': {}, 'f:metadata': {} } },
        },
      },
    ]);
  });

  test('is nothing on an object that kubectl never applied', () => {
    expect(withoutKubectl([controller])).toBeUndefined();
  });
});
