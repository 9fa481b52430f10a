import { DEFAULT_AIRFLOW_VERSION } from '../../../../constructs/version.js';
import { type Data, Member } from '../expression.js';
import { isPlainMap, type Values } from '../values.js';
import type { Mapping } from './mapping.js';

const STOCK = /^(docker\.io\/|index\.docker\.io\/)?apache\/airflow$/;
const POLICIES: Readonly<Record<string, string>> = {
  Always: 'ALWAYS',
  IfNotPresent: 'IF_NOT_PRESENT',
  Never: 'NEVER',
};

/** Image, pull policy, pull secrets and version. */
export const images: Mapping = (values, stack) => ({
  props: {
    image: airflowImage(values, stack.airflowVersion),
    imagePullPolicy: pullPolicy(values),
    imagePullSecrets: pullSecrets(values),
    airflowVersion: stack.airflowVersion === DEFAULT_AIRFLOW_VERSION ? undefined : stack.airflowVersion,
  },
});

/** Repository and tag or digest; the stock image is left out, because ours is built on it. */
function airflowImage(values: Values, version: string): string | undefined {
  const own = values.at('images.airflow');
  const repository = own.text('repository') ?? values.text('defaultAirflowRepository') ?? 'apache/airflow';
  const tag = own.text('tag') ?? values.text('defaultAirflowTag');
  const digest = own.text('digest') ?? values.text('defaultAirflowDigest');
  if (STOCK.test(repository)) {
    if (digest !== undefined) {
      const key = own.has('digest') ? 'images.airflow.digest' : 'defaultAirflowDigest';
      values.remark(key, "the library's image is built on the stock one: npx cdk8s-airflow images build");
    }
    return undefined;
  }
  const key = own.has('repository') ? 'images.airflow.repository' : 'defaultAirflowRepository';
  values.remark(key, "carried over; it must have the library's Python wheel in it (npx cdk8s-airflow images build)");
  return imageName(repository, tag ?? version, digest);
}

function imageName(repository: string, tag: string | undefined, digest?: string): string {
  if (digest !== undefined) return `${repository}@${digest}`;
  return tag === undefined ? repository : `${repository}:${tag}`;
}

/** An image other than the chart's; undefined without a repository of its own. */
export function imageOf(values: Values, key: string): string | undefined {
  const image = values.at(key);
  const repository = image.text('repository');
  if (repository === undefined) return undefined;
  return imageName(repository, image.text('tag'), image.text('digest'));
}

function pullPolicy(values: Values): Data | undefined {
  const key = 'images.airflow.pullPolicy';
  const given = values.text(key);
  for (const name of values.keys('images')) policyName(values, `images.${name}.pullPolicy`);
  const policy = policyName(values, key);
  return given === undefined || policy === undefined || given === 'IfNotPresent'
    ? undefined
    : new Member('ImagePullPolicy', policy);
}

function policyName(values: Values, key: string): string | undefined {
  const given = values.peek(key);
  if (given === undefined) return undefined;
  const policy = typeof given === 'string' ? POLICIES[given] : undefined;
  if (policy === undefined)
    values.refuse(key, `must be ${Object.keys(POLICIES).join(', ')}, not ${JSON.stringify(given)}`);
  return policy;
}

function pullSecrets(values: Values): string[] | undefined {
  const names = (values.list('imagePullSecrets') ?? []).flatMap((each) => {
    const name = isPlainMap(each) ? each.name : each;
    if (typeof name === 'string') return [name];
    values.refuse('imagePullSecrets', "must hold names, or objects with a 'name'");
    return [];
  });
  const named = values.text('registry.secretName');
  const made = values.map('registry.connection') === undefined ? undefined : `${values.release}-registry`;
  if (named !== undefined && made !== undefined)
    values.refuse('registry.connection', "must be left out when 'registry.secretName' is given");
  if (made !== undefined)
    values.remark(
      'registry.connection',
      `holds a password: make the Secret '${made}' of the type kubernetes.io/dockerconfigjson, which the program names`,
    );
  const registry = named ?? made;
  const all = [...names, ...(registry === undefined ? [] : [registry])];
  return all.length > 0 ? [...new Set(all)] : undefined;
}
