import type { Access } from '../../../src/runtime/api/credentials.js';
import { parseSparkRequest } from '../../../src/runtime/spark/request.js';
import { submission } from '../../../src/runtime/spark/submission.js';

const submit = (access: Access) =>
  submission({
    settings: parseSparkRequest({
      protocol: 1,
      spark: {
        application: 'local:///app.jar',
        javaClass: 'a.Main',
        image: 'spark:4',
        deployMode: 'cluster',
        args: ['x'],
      },
    }).settings,
    pod: { spec: { serviceAccountName: 'spark' } },
    name: 'sum-abc',
    namespace: 'jobs',
    container: 'spark-kubernetes-driver',
    access,
    folder: '/tmp/x',
  });

describe('a submission in cluster mode', () => {
  test('has the computed name, the pod as a template, and the credentials of the cluster as files', () => {
    const { args, files } = submit({
      server: 'https://10.0.0.1:6443',
      tls: { ca: 'CA' },
      headers: { authorization: 'Bearer secret' },
    });
    expect(args.slice(0, 4)).toEqual(['--master', 'k8s://https://10.0.0.1:6443', '--deploy-mode', 'cluster']);
    expect(args).toEqual(
      expect.arrayContaining([
        'spark.kubernetes.driver.pod.name=sum-abc',
        'spark.kubernetes.namespace=jobs',
        'spark.kubernetes.submission.waitAppCompletion=false',
        'spark.kubernetes.driver.podTemplateFile=/tmp/x/driver.json',
        'spark.kubernetes.authenticate.submission.caCertFile=/tmp/x/ca.crt',
        'spark.kubernetes.authenticate.submission.oauthTokenFile=/tmp/x/token',
      ]),
    );
    expect(args.slice(-2)).toEqual(['local:///app.jar', 'x']);
    expect(args.join(' ')).not.toContain('secret');
    expect(files).toEqual({
      '/tmp/x/driver.json': '{"spec":{"serviceAccountName":"spark"}}',
      '/tmp/x/ca.crt': 'CA',
      '/tmp/x/token': 'secret',
    });
  });

  test('refuses credentials that spark-submit does not take', () => {
    const access = { server: 'https://x', tls: {}, headers: { authorization: 'Basic abc' } };
    expect(() => submit(access)).toThrow('use a token or a certificate');
  });
});
