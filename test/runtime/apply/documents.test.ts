import { KubeError } from '../../../src/runtime/api/errors.js';
import { readDocuments } from '../../../src/runtime/apply/documents.js';
import { problemsOf } from '../../../src/runtime/apply/refusal.js';
import { stepsOf } from '../../../src/runtime/run/yaml-lines.js';

const YAML = `# two objects, and one that is empty
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports:
  - name: http
    port: 80
  - name: metrics
    port: 81
    typo: 1
---
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: one, namespace: team}}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: two}
  dta: {}
`;
const read = (yaml: string) => readDocuments([{ source: 'a.yaml', yaml }]);

test('reads every document, and the items of lists one by one', () => {
  expect(read(YAML).map(({ kind, name, namespace }) => [kind, name, namespace])).toEqual([
    ['Service', 'web', null],
    ['ConfigMap', 'one', 'team'],
    ['ConfigMap', 'two', null],
  ]);
});

test('knows the line of a field, or of the last step to it that is there', () => {
  const [service, , two] = read(YAML);
  expect(service?.at(stepsOf('spec.ports[1].typo'))).toBe('a.yaml:12');
  expect(service?.at(stepsOf('.spec.ports[name="metrics",port=81].nothing'))).toBe('a.yaml:10');
  expect(service?.at(stepsOf('spec.selector'))).toBe('a.yaml:6');
  expect(two?.at(stepsOf('dta'))).toBe('a.yaml:22');
});

test('knows the line of a field behind an alias', () => {
  const yaml = 'apiVersion: v1\nkind: A\nmetadata: {name: a}\none: &x\n  b: 1\ntwo: *x\n';
  expect(read(yaml)[0]?.at(['two', 'b'])).toBe('a.yaml:5');
});

test('tells all that is wrong at once, each with its line', () => {
  const yaml = 'kind: Pod\nmetadata: {generateName: x-}\n---\n- 1\n---\na: b\n a: c\n';
  expect(() => read(yaml)).toThrow(
    new RegExp(
      [
        'a.yaml:6: is not YAML: [^;]+',
        "a.yaml:1: 'apiVersion' is missing",
        "a.yaml:2: 'metadata.name' is missing: what is applied again must have the same name",
        'a.yaml:4: must be an object with apiVersion, kind and metadata',
      ].join('; '),
    ),
  );
});

test('refuses an object that comes twice, and text that holds none', () => {
  const one = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
  expect(() => read(`${one}---\n${one}`)).toThrow("a.yaml:7: 'metadata.name' (ConfigMap a) is in a.yaml:3 too");
  expect(() => read('---\n# nothing\n')).toThrow('a.yaml: holds no object');
});

test('a key that is there twice is refused with its line', () => {
  expect(() => read('apiVersion: v1\nkind: A\nkind: B\nmetadata: {name: a}\n')).toThrow(
    /a\.yaml:3: is not YAML: .*unique/,
  );
});

describe('what the API server refuses', () => {
  const service = () => {
    const [found] = read(YAML);
    if (found === undefined) {
      throw new Error('no document');
    }
    return found;
  };
  const problems = (message: string, details: ConstructorParameters<typeof KubeError>[2] = { status: 400 }) =>
    problemsOf(service(), new KubeError('response', message, details));

  test('by a strict decoder has each field and its line', () => {
    const message =
      'Service in version "v1" cannot be handled as a Service: strict decoding error: ' +
      'unknown field "spec.ports[1].typo", duplicate field "spec.ports[0].port"';
    expect(problems(message)).toEqual([
      { file: 'a.yaml:12', field: 'spec.ports[1].typo', message: 'is no field of this kind' },
      { file: 'a.yaml:9', field: 'spec.ports[0].port', message: 'is there twice' },
    ]);
  });

  test('by a server-side apply has the field and its line', () => {
    const prefix = 'failed to create typed patch object (/web; /v1, Kind=Service): ';
    const path = '.spec.ports[name="metrics"].typo';
    expect(problems(`${prefix}${path}: field not declared in schema`)).toEqual([
      { file: 'a.yaml:12', field: path.slice(1), message: 'is no field of this kind' },
    ]);
    expect(problems(`${prefix}errors:\n  .spec.a: expected map, got &{1.5}\n  .spec: bad`)).toEqual([
      { file: 'a.yaml:6', field: 'spec.a', message: 'expected map, got &{1.5}' },
      { file: 'a.yaml:6', field: 'spec', message: 'bad' },
    ]);
  });

  test('by validation has the causes; by anything else the object', () => {
    const causes = [{ field: 'spec.ports[0].port', message: 'Invalid value: 80' }];
    expect(problems('Service "web" is invalid', { status: 422, causes })).toEqual([
      { file: 'a.yaml:9', field: 'spec.ports[0].port', message: 'Invalid value: 80' },
    ]);
    expect(problems('denied by a webhook')).toEqual([
      { file: 'a.yaml:2', field: '', message: 'Service web: denied by a webhook' },
    ]);
  });
});
