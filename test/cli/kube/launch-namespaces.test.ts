import { launchNamespaces } from '../../../src/cli/kube/launch-namespaces.js';
import { Executor } from '../../../constructs/index.js';
import { Stack } from '../../constructs/stack.js';

describe('the namespaces of a launch policy', () => {
  test('are those of the executor that the stack renders', () => {
    const executor = Executor.kubernetes({ queues: { a: { namespace: 'team-a' } } });
    const { data } = new Stack({ executor }).get('ConfigMap', 'airflow-pod-launcher');
    expect(launchNamespaces(data['launch-policy.json'] ?? '')).toEqual(['airflow', 'team-a']);
  });

  test.each(['', '{', '[]', '{"namespaces": "a"}'])('are none when the policy is %j', (text) => {
    expect(launchNamespaces(text)).toEqual([]);
  });
});
