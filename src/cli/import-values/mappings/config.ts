import { compact, type DataMap } from '../expression.js';
import { isKeyMaterial } from '../key-material.js';
import { isPlainMap, type Values } from '../values.js';
import type { Mapping } from './mapping.js';

const EXECUTOR = "is read by Airflow's own executor of that name, not by the launcher";
/** Sections that say something about what the stack does in another way. */
const SECTIONS: Readonly<Record<string, string>> = {
  celery: 'Celery workers are not offered yet',
  celery_kubernetes_executor: 'Celery workers are not offered yet',
  celery_broker_transport_options: 'Celery workers are not offered yet',
  local_kubernetes_executor: EXECUTOR,
  kubernetes: EXECUTOR,
  kubernetes_executor: EXECUTOR,
};
/** Options that the stack sets itself. */
const OPTIONS: Readonly<Record<string, string>> = {
  'core.executor': "the prop 'executor' says it",
  'core.dags_folder': "the prop 'dags' says it",
  'scheduler.standalone_dag_processor': 'the stack sets it, by whether there is a DAG processor',
  'core.execution_api_server_url': 'the stack sets it, by where its server is',
};

/** airflow.cfg, but for what is a prop of its own. */
export const config: Mapping = (values, { isAirflow2 }) => {
  const props: Record<string, DataMap | undefined> = {};
  const server = isAirflow2 ? 'webserver' : 'api';
  const elsewhere = [
    `${server}.base_url`,
    `${server}.workers`,
    'kubernetes_executor.multi_namespace_mode_namespace_list',
  ];
  for (const section of values.keys('config')) {
    if (!isPlainMap(values.peek(`config.${section}`))) {
      values.refuse(`config.${section}`, 'must be a section of airflow.cfg with its options');
      continue;
    }
    const options: Record<string, string | undefined> = {};
    for (const option of values.keys(`config.${section}`)) {
      if (elsewhere.includes(`${section}.${option}`) || `${section}.${option}` === 'kubernetes_executor.namespace')
        continue;
      options[option] = optionOf(values, section, option);
    }
    props[section] = compact(options);
  }
  return { props: { config: compact(props) } };
};

function optionOf(values: Values, section: string, option: string): string | undefined {
  const key = `config.${section}.${option}`;
  const reason = SECTIONS[section] ?? OPTIONS[`${section}.${option}`];
  if (reason !== undefined) {
    values.leave(key, reason);
    return undefined;
  }
  if (isKeyMaterial(option, values.peek(key))) {
    const variable = `AIRFLOW__${section.toUpperCase()}__${option.toUpperCase()}`;
    values.leave(
      key,
      `key material: put it into a Secret and name it by addEnvVar({ name: '${variable}', valueFrom: … })`,
    );
    return undefined;
  }
  const value = values.peek(key);
  // As YAML's booleans go through Helm: airflow.cfg reads both forms.
  return typeof value === 'boolean' ? (values.flag(key) === true ? 'True' : 'False') : values.text(key);
}
