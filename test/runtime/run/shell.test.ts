import { parseRunRequest } from '../../../src/runtime/run/request.js';
import { shellRequest } from '../../../src/runtime/run/shell-request.js';
import { describe as inWords } from '../../../src/runtime/run/text-sink.js';

const OPTIONS = {
  file: 'pod.yaml',
  follow: true,
  result: false,
  keep: false,
  namespace: undefined,
  kubeconfig: undefined,
  context: undefined,
  container: undefined,
};
const request = (yaml: string, changes: object = {}) => parseRunRequest(shellRequest(yaml, { ...OPTIONS, ...changes }));

describe('run-pod from the shell', () => {
  test('takes the container base, else the first', () => {
    expect(request('spec: {containers: [{name: a}, {name: base}]}').container).toBe('base');
    expect(request('spec: {containers: [{name: a}, {name: b}]}').container).toBe('a');
    expect(request('spec: {containers: [{name: a}]}', { container: 'b' }).container).toBe('b');
    expect(request('spec: [').container).toBe('base');
  });

  test('ends with the create unless it follows, and keeps the pod if it is told so', () => {
    expect(request('', { follow: false })).toMatchObject({ until: 'created', onFinish: 'delete_pod', result: null });
    expect(request('', { keep: true })).toMatchObject({ until: 'ended', onFinish: 'keep_pod' });
    expect(request('', { follow: false, result: true })).toMatchObject({
      until: 'ended',
      result: { maxBytes: 4194304 },
    });
    expect(request('', { kubeconfig: '/k', context: 'c' }).cluster).toEqual({ configFile: '/k', context: 'c' });
  });

  test('says what happens in words', () => {
    const state = { type: 'state', state: 'scheduled', node: 'n1', reason: 'ErrImagePull', message: 'no' } as const;
    expect(inWords(state)).toBe('scheduled on n1 (ErrImagePull: no)');
    const ended = { type: 'ended', outcome: 'failed', exitCode: 1, reason: 'Error', message: 'it broke' } as const;
    const rest = { output: null, containers: [], podEvents: ['10:00 Warning X: y'], pod: 'kept', requests: 5 } as const;
    expect(inWords({ ...ended, ...rest })).toBe('failed: it broke\n  10:00 Warning X: y\npod kept');
  });
});
