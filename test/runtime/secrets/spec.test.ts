import { createMissing, type SecretsApi } from '../../../src/runtime/secrets/create-missing.js';
import { generate, parseSecretsSpec, renderTemplate } from '../../../src/runtime/secrets/spec.js';

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

test('generated values have their shape and differ', () => {
  expect(generate('fernet')).toMatch(/^[\w-]{43}=$/);
  expect(generate('hex')).toMatch(/^[0-9a-f]{64}$/);
  expect(generate('password')).toMatch(/^[A-Za-z0-9]{24}$/);
  expect(generate('hex')).not.toBe(generate('hex'));
});

test('values in a template are percent-encoded', () => {
  expect(renderTemplate('a://${s/k}@b', () => "p@ss/wo'rd")).toBe('a://p%40ss%2Fwo%27rd@b');
});

describe('a spec', () => {
  const parse = (secrets: unknown): unknown => parseSecretsSpec(JSON.stringify({ namespace: null, secrets }), 'f');

  test('is refused with the field that is wrong', () => {
    expect(() => parse([{ name: 'a', data: { k: { generate: 'dice' } } }])).toThrow(/f: 'secrets\.0\.data\.k/);
    expect(() => parse([{ name: 'a', data: { k: { template: '${b/k}' } } }])).toThrow(
      `refers to 'b', which is not listed before 'a'`,
    );
  });

  test('is carried out without reading what it has just made', async () => {
    const made: Record<string, unknown> = {};
    const api: SecretsApi = {
      createSecret: (_, name, __, data) => Promise.resolve(Boolean((made[name] = data))),
      readSecret: () => Promise.reject(new Error('not needed')),
    };
    const spec = parseSecretsSpec(
      JSON.stringify({
        secrets: [
          { name: 'a', data: { k: { generate: 'hex' } } },
          { name: 'b', data: { url: { template: 'x://${a/k}' } } },
        ],
      }),
      'f',
    );
    expect(await createMissing(api, 'ns', spec, SILENT)).toEqual(['a', 'b']);
    expect(made.b).toEqual({ url: `x://${(made.a as { k: string }).k}` });
  });
});
