import { describeStatus, isAbout, isMet, parseCondition } from '../../../src/runtime/apply/condition.js';

const met = (text: string, object: unknown): boolean => isMet(parseCondition(text).condition, object);
const withCondition = (status: string, more: object = {}, metadata: object = {}) => ({
  metadata,
  status: { conditions: [{ type: 'Available', status }], ...more },
});

test('a condition is met by its status, True unless another is named', () => {
  expect(met('condition=Available', withCondition('True'))).toBe(true);
  expect(met('condition=available=true', withCondition('True'))).toBe(true);
  expect(met('condition=Available', withCondition('False'))).toBe(false);
  expect(met('condition=Available=False', withCondition('False'))).toBe(true);
  expect(met('condition=Ready', withCondition('True'))).toBe(false);
  expect(met('condition=Ready', {})).toBe(false);
});

test('what the controller has not looked at since the last change is not met', () => {
  const at = (observedGeneration: number) => withCondition('True', { observedGeneration }, { generation: 2 });
  expect(met('condition=Available', at(1))).toBe(false);
  expect(met('condition=Available', at(2))).toBe(true);
});

test('a field is met by its value, or by any when none is named', () => {
  const claim = { status: { phase: 'Bound', n: 3, list: [{ ip: '1.2.3.4' }], empty: '' }, metadata: { 'a.b/c': 'x' } };
  expect(met('jsonpath={.status.phase}=Bound', claim)).toBe(true);
  expect(met('jsonpath {.status.phase}=Bound', claim)).toBe(true);
  expect(met("jsonpath='{.status.phase}'=Bound", claim)).toBe(true);
  expect(met('{.status.phase}=Lost', claim)).toBe(false);
  expect(met('{.status.n}=3', claim)).toBe(true);
  expect(met('{.status.list[0].ip}', claim)).toBe(true);
  expect(met('{.status.list[-1].ip}=1.2.3.4', claim)).toBe(true);
  expect(met('{.status.list[*].ip}=1.2.3.4', claim)).toBe(true);
  expect(met('{.status.list[1].ip}', claim)).toBe(false);
  expect(met('{.status.empty}', claim)).toBe(false);
  expect(met("{.metadata['a.b/c']}=x", claim)).toBe(true);
  expect(met('{.metadata.a\\.b/c}=x', claim)).toBe(true);
  expect(met('{.status.conditions[?(@.type=="Available")].status}=True', withCondition('True'))).toBe(true);
  expect(met('{.status.conditions[?(@.type=="Other")].status}=True', withCondition('True'))).toBe(false);
});

test('an object that is there is not deleted', () => {
  expect(met('deleted', {})).toBe(false);
});

test('a condition may be about objects of one kind, or about one object', () => {
  const web = { kind: 'Deployment', name: 'web' };
  expect(isAbout(parseCondition('condition=Available'), web)).toBe(true);
  expect(isAbout(parseCondition('deployment: condition=Available'), web)).toBe(true);
  expect(isAbout(parseCondition('Deployment/web:condition=Available'), web)).toBe(true);
  expect(isAbout(parseCondition('Deployment/db:condition=Available'), web)).toBe(false);
  expect(isAbout(parseCondition('Service:deleted'), web)).toBe(false);
});

test.each(['', 'Available', 'condition=', 'jsonpath={}', 'jsonpath={.a[?(@.b)]}=1', 'Deployment/web:'])(
  "'%s' is refused",
  (text) => {
    expect(() => parseCondition(text)).toThrow();
  },
);

test('what an object says of itself is told in words', () => {
  const status = {
    phase: 'Pending',
    conditions: [{ type: 'Ready', status: 'False', reason: 'No', message: 'not yet' }],
  };
  expect(describeStatus({ status })).toBe('Pending, Ready=False (No: not yet)');
  expect(describeStatus({})).toBe('');
});
