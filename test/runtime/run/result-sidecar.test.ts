import { parseSidecarLog } from '../../../src/runtime/run/result-sidecar.js';

const log = (text: string): Buffer => Buffer.from(text);

describe('the log of the result sidecar', () => {
  test.each([
    ['{"a": 1}', { kind: 'json', json: '{"a": 1}' }],
    ['{"a": 1}\n', { kind: 'json', json: '{"a": 1}' }],
    ['[NaN, -Infinity, "NaN \\" x"]', { kind: 'json', json: '[NaN, -Infinity, "NaN \\" x"]' }],
    ['[\n  1,\n  2\n]\n', { kind: 'json', json: '[\n  1,\n  2\n]' }],
    ['12345678901234567890', { kind: 'json', json: '12345678901234567890' }],
    [' \n', { kind: 'empty' }],
    ['', { kind: 'empty' }],
  ])('holds the file: %j', (file, expected) => {
    expect(parseSidecarLog(log(`pod-launcher-result whole ${Buffer.byteLength(file)}\n${file}`))).toEqual(expected);
  });

  test('is not whole before all bytes are there', () => {
    expect(parseSidecarLog(log(''))).toEqual({ kind: 'incomplete' });
    expect(parseSidecarLog(log('pod-launcher-res'))).toEqual({ kind: 'incomplete' });
    expect(parseSidecarLog(log('pod-launcher-result whole 8\n{"a":'))).toEqual({ kind: 'incomplete' });
  });

  test('says why there is no result', () => {
    expect(parseSidecarLog(log('pod-launcher-result missing 0\n'))).toEqual({ kind: 'missing' });
    expect(parseSidecarLog(log('pod-launcher-result unreadable 0\n'))).toEqual({ kind: 'unreadable' });
    expect(parseSidecarLog(log('pod-launcher-result too-large 99\n'))).toEqual({ kind: 'too-large', bytes: 99 });
    expect(parseSidecarLog(log('pod-launcher-result whole 5\n{oops'))).toMatchObject({ kind: 'invalid' });
  });
});
