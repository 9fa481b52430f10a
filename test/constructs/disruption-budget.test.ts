import { Stack } from './stack.js';

describe('PodDisruptionBudget', () => {
  test('lets one pod of a component be away by default, and those that are not ready at any time', () => {
    const stack = new Stack({ scheduler: { replicas: 2, disruptionBudget: {} } });
    expect(stack.get('PodDisruptionBudget', 'airflow-scheduler-pdb').spec).toEqual({
      maxUnavailable: 1,
      selector: { matchLabels: { tier: 'airflow', component: 'scheduler', release: 'airflow' } },
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    });
    expect(stack.all('PodDisruptionBudget')).toHaveLength(1);
  });

  test('keeps as many as it is told', () => {
    const stack = new Stack({ webserver: { replicas: 3, disruptionBudget: { minAvailable: 2 } } });
    const { spec } = stack.get('PodDisruptionBudget', 'airflow-api-server-pdb');
    expect(spec).toMatchObject({ minAvailable: 2 });
    expect(spec).not.toHaveProperty('maxUnavailable');
  });

  test('that no drain could ever respect, or that says two things, is refused', () => {
    const stack = new Stack({
      scheduler: { disruptionBudget: { minAvailable: 1 } },
      webserver: { replicas: 3, disruptionBudget: { minAvailable: 1, maxUnavailable: 1 } },
      triggerer: { disruptionBudget: { maxUnavailable: 0 } },
      migrations: { disruptionBudget: {} },
    });
    expect(stack.problems()).toEqual([
      "chart/airflow/migrations: 'disruptionBudget' ({}) must be left out: the pods of a Job end",
      "chart/airflow/webserver: 'disruptionBudget.maxUnavailable' (1) must be left out: 'minAvailable' is given",
      "chart/airflow/scheduler: 'disruptionBudget.minAvailable' (1) must be below the replicas (1): no node could ever be drained",
      "chart/airflow/triggerer: 'disruptionBudget.maxUnavailable' (0) must be at least 1",
    ]);
  });

  test('counts the least that an autoscaler keeps', () => {
    const scaled = (minReplicas: number): Stack =>
      new Stack({
        webserver: { autoscaling: { minReplicas, maxReplicas: 5 }, disruptionBudget: { minAvailable: 2 } },
      });
    expect(scaled(2).problems()).toHaveLength(1);
    expect(scaled(3).problems()).toEqual([]);
  });
});
