import { KubeError } from '../../../src/runtime/api/errors.js';
import { decideCreate } from '../../../src/runtime/launch/create-decision.js';

const answer = (status: number, reason: string, message = '', retryAfter?: string): KubeError =>
  KubeError.fromResponse(status, JSON.stringify({ kind: 'Status', reason, message }), retryAfter);

describe('after a create that did not succeed', () => {
  test('a taken name is read back', () => {
    expect(decideCreate(answer(409, 'AlreadyExists'))).toEqual({ next: 'read-back' });
  });

  test.each([
    ['a broken connection', new KubeError('connection', 'reset'), { uncertain: true, overloaded: false }],
    ['a missed deadline', new KubeError('timeout', 'late'), { uncertain: true, overloaded: true }],
    ['429', answer(429, 'TooManyRequests', '', '3'), { uncertain: false, overloaded: true, retryAfterMs: 3000 }],
    ['503', answer(503, 'ServiceUnavailable', '', '1'), { uncertain: true, overloaded: true, retryAfterMs: 1000 }],
    ['500', answer(500, 'InternalError'), { uncertain: true, overloaded: false }],
    ['401', answer(401, 'Unauthorized'), { uncertain: false }],
    ['two creates that meet at one quota', answer(409, 'Conflict'), { uncertain: false }],
  ])('%s is repeated', (_, error, expected) => {
    expect(decideCreate(error)).toMatchObject({ next: 'retry', ...expected });
  });

  test('a full quota waits, a quota that the pod can never meet is final', () => {
    expect(decideCreate(answer(403, 'Forbidden', 'pods "x" is forbidden: exceeded quota: q'))).toMatchObject({
      next: 'quota',
    });
    expect(decideCreate(answer(403, 'Forbidden', 'failed quota: q: must specify limits.cpu'))).toMatchObject({
      next: 'refuse',
    });
  });

  test.each([
    [413, 'Request entity too large: limit is 3145728'],
    [500, 'etcdserver: request is too large'],
    [500, 'rpc error: code = ResourceExhausted desc = trying to send message larger than max (2098223 vs. 2097152)'],
  ])('a pod that is too large is final, also when the answer is %d: %s', (status, message) => {
    const expected = { next: 'refuse', reason: 'RequestEntityTooLarge' };
    const decision = decideCreate(answer(status, '', message));
    expect(decision).toMatchObject({ ...expected, message: expect.stringContaining(message) as string });
  });

  test.each([400, 403, 404, 422])('%d is final, in the words of the API server', (status) => {
    expect(decideCreate(answer(status, 'Why', 'because'))).toEqual({
      next: 'refuse',
      reason: 'Why',
      message: 'because',
    });
  });
});
