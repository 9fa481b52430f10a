import { describeRefusal } from '../../../src/runtime/run/refusal.js';
import { fieldsIn, lineOf, stepsOf } from '../../../src/runtime/run/yaml-lines.js';

const YAML = `# a comment
spec:
  template:
    spec:
      containers:
      - name: main
        image: a
      - name: other
        imag: b`;
const line = (field: string): number | null => lineOf(YAML, stepsOf(field));

describe('the line of a field', () => {
  test('is found by index and by name', () => {
    expect(line('spec.template')).toBe(3);
    expect(line('spec.template.spec.containers[1].imag')).toBe(9);
    expect(line('spec.template.spec.containers[other].imag')).toBe(9);
    expect(line('spec.template.spec.containers[main].ports')).toBeNull();
    expect(line('spec.template.spec.containers[7]')).toBeNull();
  });

  test('is told of what the API server refuses', () => {
    const message =
      'Job in version "v1" cannot be handled as a Job: strict decoding error: unknown field "spec.template.spec.containers[1].imag"';
    const layers = [{ source: 'job.yaml', yaml: YAML }];
    expect(describeRefusal(message, [], layers)).toBe(`job.yaml, line 9: ${message}`);
    const causes = [{ field: 'spec.template.spec.containers[1].image', message: 'Required value' }];
    // What is missing has no line: that of what it is missing in is told.
    expect(describeRefusal('is invalid', causes, layers)).toBe('job.yaml, line 8: is invalid');
    expect(
      fieldsIn('json: cannot unmarshal string into Go struct field JobSpec.spec.parallelism of type int32'),
    ).toEqual(['spec.parallelism']);
  });
});
