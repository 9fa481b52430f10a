import { Call, compact } from '../expression.js';
import type { Values } from '../values.js';
import { claimOptions } from './dags.js';
import type { Mapping } from './mapping.js';

const GROOMERS = ['scheduler', 'triggerer', 'dagProcessor', 'workers', 'workers.celery', 'workers.kubernetes'];

/** The volume of the logs, and how long they stay on it. */
export const logs: Mapping = (values) => {
  const persistence = values.at('logs.persistence');
  if (persistence.flag('enabled') !== true) {
    for (const section of GROOMERS)
      values
        .at(section)
        .leave('logGroomerSidecar', 'logs that are in the pods go with them; nothing has to be removed');
    return {};
  }
  // The chart knows no other mode for it.
  const options = compact({ ...claimOptions(persistence, '100Gi', 'ReadWriteMany'), retention: retention(values) });
  return { props: { logs: new Call('Logs', 'volume', ...(options === undefined ? [] : [options])) } };
};

/** Of the scheduler's groomer, which the chart runs unless it is told otherwise. */
function retention(values: Values): Call | undefined {
  const groomer = values.at('scheduler.logGroomerSidecar');
  const days = groomer.number('retentionDays') ?? 15;
  const enabled = groomer.flag('enabled') ?? true;
  for (const section of GROOMERS.slice(1)) {
    const other = values.at(section).at('logGroomerSidecar');
    const same = (other.number('retentionDays') ?? days) === days && (other.flag('enabled') ?? enabled) === enabled;
    if (!same)
      other.remark('retentionDays', "one 'retention' holds for all logs: that of the scheduler's groomer is taken");
  }
  if (!enabled || days <= 0) return undefined;
  return new Call('Duration', 'days', Math.ceil(days));
}
