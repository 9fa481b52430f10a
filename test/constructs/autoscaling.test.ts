import { Stack } from './stack.js';

describe('HorizontalPodAutoscaler', () => {
  test('scales the webserver, whose Deployment then says no number', () => {
    const stack = new Stack({ webserver: { autoscaling: { minReplicas: 2, maxReplicas: 5, cpuPercent: 60 } } });
    expect(stack.get('HorizontalPodAutoscaler', 'airflow-api-server').spec).toEqual({
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'airflow-api-server' },
      minReplicas: 2,
      maxReplicas: 5,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
      ],
    });
    expect(stack.get('Deployment', 'airflow-api-server').spec).not.toHaveProperty('replicas');
  });

  test('beside a fixed number, or with no room to scale, is refused', () => {
    const webserver = { replicas: 2, autoscaling: { minReplicas: 3, maxReplicas: 2 } };
    expect(new Stack({ webserver }).problems()).toEqual([
      "chart/airflow/webserver: 'replicas' (2) must be left out: 'autoscaling' says how many",
      "chart/airflow/webserver: 'autoscaling.maxReplicas' (2) must be at least 'minReplicas' (3)",
    ]);
  });
});
