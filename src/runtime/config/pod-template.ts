import { parse } from 'yaml';
import { PATHS, TASK_CONTAINER } from '../../../constructs/contract.js';
import { isPlainObject, mergePods, type PodManifest } from '../pods/merge.js';
import { ConfigError } from './errors.js';

const PROBE: PodManifest = { metadata: {}, spec: { containers: [{ name: TASK_CONTAINER }] } };

/**
 * Reads a pod template: YAML of one Pod with a container `base`, whose containers the kubelet never restarts.
 * @param file named in the errors
 * @throws ConfigError with the field and the fix
 */
export function parsePodTemplate(text: string, file: string = PATHS.POD_TEMPLATE_FILE): PodManifest {
  const fail = (field: string, message: string): never => {
    throw new ConfigError([{ file, field, message }]);
  };
  let pod: unknown;
  try {
    pod = parse(text);
  } catch (error) {
    return fail('', `is not YAML: ${(error as Error).message}`);
  }
  if (!isPlainObject(pod)) {
    return fail('', 'must hold one Pod');
  }
  if (pod.kind !== undefined && pod.kind !== 'Pod') {
    return fail('kind', `(${JSON.stringify(pod.kind)}) must be Pod`);
  }
  if (pod.metadata !== undefined && pod.metadata !== null && !isPlainObject(pod.metadata)) {
    return fail('metadata', 'must be an object');
  }
  const { spec } = pod;
  if (!isPlainObject(spec)) {
    return fail('spec', 'is missing: add the containers of the pod');
  }
  const { containers, restartPolicy } = spec;
  if (!Array.isArray(containers) || !containers.every(isPlainObject)) {
    return fail('spec.containers', `must be a list with the container '${TASK_CONTAINER}'`);
  }
  if (!containers.some((container) => container.name === TASK_CONTAINER)) {
    const names = containers.map((container) => JSON.stringify(container.name)).join(', ');
    return fail('spec.containers', `(${names}) has no container '${TASK_CONTAINER}': name the task's container so`);
  }
  if (restartPolicy !== undefined && restartPolicy !== 'Never') {
    return fail('spec.restartPolicy', `(${JSON.stringify(restartPolicy)}) must be Never: Airflow retries tasks itself`);
  }
  try {
    // Every launch adds to these: what is no list or object there is found now and not at each launch.
    mergePods(pod, PROBE);
  } catch (error) {
    return fail('', (error as Error).message);
  }
  return pod;
}
