import { isPlainMap, type Values } from './values.js';

/** What the chart itself refuses, besides what the mappings find where they read it. */
export function refuseWhatTheChartRefuses(values: Values, executors: readonly string[]): void {
  const celery = executors.some((name) => name.startsWith('Celery'));
  broker(values, celery);
  searchLogs(values);
  for (const [plain, named] of [
    ['flower.password', 'flower.secretName'],
    ['redis.password', 'redis.passwordSecretName'],
  ] as const) {
    if (values.has(plain) && values.has(named)) values.refuse(plain, `must be left out when '${named}' is given`);
  }
}

function broker(values: Values, celery: boolean): void {
  const [url, secret] = [values.has('data.brokerUrl'), values.has('data.brokerUrlSecretName')];
  if (url && secret) values.refuse('data.brokerUrl', "must be left out when 'data.brokerUrlSecretName' is given");
  if (values.has('redis.passwordSecretName') && !secret)
    values.refuse('redis.passwordSecretName', "needs 'data.brokerUrlSecretName', a Secret with the broker's URL");
  if (celery && values.peek('redis.enabled') === false && !url && !secret)
    values.refuse('redis.enabled', "without Redis, 'data.brokerUrl' or 'data.brokerUrlSecretName' must be given");
}

function searchLogs(values: Values): void {
  const enabled = ['elasticsearch', 'opensearch'].filter((name) => values.peek(`${name}.enabled`) === true);
  if (enabled.length > 1) values.refuse('opensearch.enabled', "must not be true together with 'elasticsearch.enabled'");
  for (const name of enabled) {
    const connection = values.peek(`${name}.connection`);
    const given = isPlainMap(connection) && Object.keys(connection).length > 0;
    const named = values.has(`${name}.secretName`);
    if (given === named) values.refuse(`${name}.enabled`, `needs either '${name}.secretName' or '${name}.connection'`);
  }
}
