import { resolveText } from '../../../src/cli/import-values/templates.js';

const values: Record<string, unknown> = {
  a: 'x',
  'b.c': 7,
  loop: '{{ .Values.loop }}',
  twice: '{{ .Values.a }}!',
  map: {},
};
const scope = { release: 'prod', namespace: 'data', value: (path: readonly string[]) => values[path.join('.')] };

describe('templates', () => {
  test.each([
    ['plain', 'plain'],
    ['{{ .Release.Name }}-x', 'prod-x'],
    ['{{.Release.Namespace}}', 'data'],
    ['{{ .Values.a }}/{{ .Values.b.c }}', 'x/7'],
    ['{{ .Values.twice }}', 'x!'],
    ['a {{- .Values.a -}} b', 'axb'],
    ['a {{- " " -}} b', 'a b'],
    ['{{ "{{" }} ti.dag_id {{ "}}" }}', '{{ ti.dag_id }}'],
    ['{{ `{{ ds }}` }}', '{{ ds }}'],
    ['{{/* a note */}}x', 'x'],
  ])('%j is %j', (text, expected) => {
    const found = resolveText(text, scope);
    expect('text' in found ? found.text : text).toBe(expected);
  });

  test.each([
    ['{{ include "x" . }}', '{{ include "x" . }}'],
    ['{{ .Values.none }}', '{{ .Values.none }}'],
    ['{{ .Values.map }}', '{{ .Values.map }}'],
    ['{{ .Values.loop }}', '{{ .Values.loop }}'],
    ['{{ if .Values.a }}b{{ end }}', '{{ if .Values.a }}'],
    ['{{ .Values.a | quote }}', '{{ .Values.a | quote }}'],
  ])('%j stays unresolved', (text, unresolved) => {
    expect(resolveText(text, scope)).toEqual({ unresolved });
  });
});
