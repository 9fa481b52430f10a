import { encodeFrame, FrameDecoder, FrameError } from '../../../src/runtime/link/frames.js';

describe('frames', () => {
  test('come out as they went in, however the bytes are cut', () => {
    const messages = [{ type: 'ACK', seq: 1 }, { type: 'LAUNCH', text: 'ü'.repeat(5000) }, { type: 'DRAIN' }];
    const bytes = Buffer.concat(messages.map((message) => encodeFrame(message)));
    for (const size of [1, 3, 4, 5, 1000, bytes.length]) {
      const decoder = new FrameDecoder();
      const out: unknown[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        out.push(...decoder.push(bytes.subarray(at, at + size)));
      }
      expect(out).toEqual(messages);
    }
  });

  test('that are too large, no JSON or no object with a type are refused', () => {
    const raw = (text: string): Buffer => {
      const header = Buffer.alloc(4);
      header.writeUInt32BE(Buffer.byteLength(text));
      return Buffer.concat([header, Buffer.from(text)]);
    };
    expect(() => new FrameDecoder(10).push(raw('{"type":"LEASE"}'))).toThrow('larger than the limit of 10');
    expect(() => new FrameDecoder().push(raw('{'))).toThrow(FrameError);
    expect(() => new FrameDecoder().push(raw('[1]'))).toThrow('not an object with a type');
    expect(() => new FrameDecoder().push(raw('{"type":1}'))).toThrow('must be a string');
  });
});
