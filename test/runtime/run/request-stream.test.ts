import { PassThrough } from 'node:stream';
import { readRequestLine, RequestStream } from '../../../src/runtime/run/request-stream.js';

describe('standard input of a run', () => {
  test('has the request in its first line, then orders', async () => {
    const input = new PassThrough();
    const stream = new RequestStream(input);
    const line = stream.firstLine();
    input.write('{"a":');
    input.write('1}\n{"type":"nonsense"}\nno JSON\n');
    expect(readRequestLine(await line)).toEqual({ a: 1 });
    const heard: string[] = [];
    const ended = new Promise<void>((resolve) => {
      stream.follow({
        onKill: () => heard.push('kill'),
        onEnd: () => {
          heard.push('end');
          resolve();
        },
      });
    });
    expect(heard).toEqual([]);
    input.end('{"type":"kill"}\n');
    await ended;
    expect(heard).toEqual(['kill', 'end']);
  });

  test('may end with the request', async () => {
    const input = new PassThrough();
    const stream = new RequestStream(input);
    input.end('{"a": 1}');
    expect(readRequestLine(await stream.firstLine())).toEqual({ a: 1 });
    expect(() => readRequestLine('{oops')).toThrow('request: is not JSON');
  });
});
