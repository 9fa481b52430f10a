import { parse } from 'yaml';
import type { PodTemplate, Stack } from './stack.js';

/** The pod template of the executor ConfigMap. */
export function taskPod(stack: Stack, configMap = 'airflow-pod-launcher'): PodTemplate {
  return parse(stack.get('ConfigMap', configMap).data['pod_template_file.yaml'] ?? '') as PodTemplate;
}
