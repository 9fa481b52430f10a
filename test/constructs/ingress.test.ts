import { Stack } from './stack.js';

describe('Ingress', () => {
  test('leads the host and path of the base URL to the webserver', () => {
    const stack = new Stack({
      webserver: {
        baseUrl: 'https://airflow.example.com:8443/flow/',
        ingress: { className: 'nginx', tlsSecretName: 'airflow-tls', annotations: { 'example.com/timeout': '60' } },
      },
    });
    const { metadata, spec } = stack.get('Ingress', 'airflow-ingress');
    expect(metadata.annotations).toEqual({ 'example.com/timeout': '60' });
    expect(spec).toEqual({
      ingressClassName: 'nginx',
      rules: [
        {
          host: 'airflow.example.com',
          http: {
            paths: [
              {
                path: '/flow',
                pathType: 'Prefix',
                backend: { service: { name: 'airflow-api-server', port: { number: 8080 } } },
              },
            ],
          },
        },
      ],
      tls: [{ hosts: ['airflow.example.com'], secretName: 'airflow-tls' }],
    });
  });

  test('takes hosts and a path of its own', () => {
    const ingress = { hosts: ['a.example.com', '*.b.example.com'], path: '/x' };
    const { spec } = new Stack({ webserver: { ingress } }).get('Ingress', 'airflow-ingress');
    expect(spec).toMatchObject({
      rules: [{ host: 'a.example.com', http: { paths: [{ path: '/x' }] } }, { host: '*.b.example.com' }],
    });
    expect(spec).not.toHaveProperty('tls');
  });

  test('without any host is refused', () => {
    expect(new Stack({ webserver: { ingress: {} } }).problems()).toEqual([
      "chart/airflow/webserver: 'ingress.hosts' (not set) must name at least one, or 'baseUrl' of the webserver must be given",
    ]);
  });

  test('with a URL for a host, or a path that is none, is refused', () => {
    const ingress = { hosts: ['https://a.example.com/'], path: 'x', className: 'A B', tlsSecretName: 'C D' };
    const problems = new Stack({ webserver: { ingress } }).problems();
    expect(problems.map((problem) => problem.split("'")[1])).toEqual([
      'ingress.hosts',
      'ingress.path',
      'ingress.className',
      'ingress.tlsSecretName',
    ]);
  });
});

describe('HTTPRoute', () => {
  test('leads from a Gateway to the webserver', () => {
    const httpRoute = { gateway: 'public', gatewayNamespace: 'gateways', sectionName: 'https' };
    const stack = new Stack({ webserver: { baseUrl: 'https://airflow.example.com', httpRoute } });
    expect(stack.get('HTTPRoute', 'airflow-api-server').spec).toEqual({
      parentRefs: [{ name: 'public', namespace: 'gateways', sectionName: 'https' }],
      hostnames: ['airflow.example.com'],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/' } }],
          backendRefs: [{ name: 'airflow-api-server', port: 8080 }],
        },
      ],
    });
  });

  test('of no Gateway is refused', () => {
    const problems = new Stack({ webserver: { httpRoute: { gateway: '', hosts: ['a.example.com'] } } }).problems();
    expect(problems[0]).toBe(`chart/airflow/webserver: 'httpRoute.gateway' ("") must be the name of a Gateway`);
  });
});
