import { operationArguments, placeArguments, recoveryArguments } from '../../../src/runtime/helm/arguments.js';
import { type HelmRequestInput, parseHelmRequest } from '../../../src/runtime/helm/request.js';

const request = (changes: Partial<HelmRequestInput>) =>
  parseHelmRequest({ protocol: 1, action: 'upgrade', release: 'one', chart: './chart', ...changes });

test('an upgrade installs what does not exist, waits, and has its values in order', () => {
  const asked = request({ version: '1.2', previousValues: 'reset', waitForJobs: true, extraArgs: ['--debug'] });
  expect(operationArguments(asked, 4, ['a.yaml', 'b.yaml'])).toEqual(
    [
      'upgrade one ./chart --install --version 1.2 --values a.yaml --values b.yaml --reset-values',
      '--wait --wait-for-jobs --timeout 300s --debug',
    ]
      .join(' ')
      .split(' '),
  );
});

test('what helm 4 calls rollback on failure helm 3 calls atomic', () => {
  const asked = request({ action: 'install', rollbackOnFailure: true, wait: false });
  expect(operationArguments(asked, 4, [])).toEqual(
    'install one ./chart --rollback-on-failure --timeout 300s'.split(' '),
  );
  expect(operationArguments(asked, 3, [])).toContain('--atomic');
});

test('a release that is not there is uninstalled already; a rollback has its revision', () => {
  expect(operationArguments(request({ action: 'uninstall', keepHistory: true }), 4, [])).toEqual(
    'uninstall one --ignore-not-found --wait --keep-history --timeout 300s'.split(' '),
  );
  expect(operationArguments(request({ action: 'rollback', revision: 2 }), 4, [])).toEqual(
    'rollback one 2 --wait --timeout 300s'.split(' '),
  );
});

test.each([
  ['pending-install', 'uninstall'],
  ['uninstalling', 'uninstall'],
  ['pending-upgrade', 'rollback'],
  ['pending-rollback', 'rollback'],
  ['deployed', undefined],
  ['failed', undefined],
])('a release that is %s is brought to rest by %s', (status, verb) => {
  expect(recoveryArguments(status, request({}), 'one')?.[0]).toBe(verb);
});

test('helm is led to a cluster by a file and a context, where they are given', () => {
  expect(placeArguments({ namespace: 'n', kubeconfig: null, context: null })).toEqual(['--namespace', 'n']);
  expect(placeArguments({ namespace: 'n', kubeconfig: 'f', context: 'c' })).toEqual(
    '--namespace n --kubeconfig f --kube-context c'.split(' '),
  );
});

test('a request that means nothing is refused with its field', () => {
  expect(() => request({ chart: null })).toThrow("request: 'chart' is missing");
  expect(() => request({ release: '-x' })).toThrow("'release' must be a release name");
});
