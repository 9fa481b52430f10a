import { parseShimMessage } from '../../../src/runtime/link/messages.js';

const LAUNCH = {
  id: '1b4e28ba-2fa1-11d2-883f-0016d3cca427',
  attempt: 1,
  key: { dagId: 'd', taskId: 't', runId: 'r', tryNumber: 2, mapIndex: 3 },
  tiId: 'ti',
  args: ['python'],
  notAfter: 1234.9,
};

describe('what the shim says', () => {
  test('is read with defaults for what may be missing', () => {
    const message = parseShimMessage({ type: 'LAUNCH', launches: [LAUNCH] });
    expect(message).toMatchObject({
      type: 'LAUNCH',
      bad: [],
      launches: [{ id: LAUNCH.id, podOverride: null, podTemplate: null, namespace: null, notAfter: 1234 }],
    });
  });

  test('names the field that is wrong', () => {
    expect(() => parseShimMessage({ type: 'ACK', seq: 'x' })).toThrow(`ACK: 'seq' ("x") must be a number`);
    expect(() => parseShimMessage({ type: 'HELLO', protocol: 1 })).toThrow(`HELLO: 'deployment' (missing)`);
    expect(() => parseShimMessage({ type: 'NEWS' })).toThrow(`unknown frame type 'NEWS'`);
  });

  test('keeps the good launches of a frame that has a bad one', () => {
    const message = parseShimMessage({ type: 'LAUNCH', launches: [{ ...LAUNCH, args: 'x' }, LAUNCH, { id: '/' }] });
    expect(message).toMatchObject({
      launches: [{ id: LAUNCH.id }],
      bad: [
        { id: LAUNCH.id, attempt: 1, problem: `LAUNCH: 'args' ("x") must be a list` },
        { id: null, attempt: null },
      ],
    });
  });
});
