import { parse } from 'yaml';
import type { PodTemplate, Stack } from './stack.js';

/** A pod template of the executor ConfigMap. */
export function taskPod(
  stack: Stack,
  configMap = 'airflow-pod-launcher',
  file = 'pod_template_file.yaml',
): PodTemplate {
  return parse(stack.get('ConfigMap', configMap).data[file] ?? '') as PodTemplate;
}
