import { countWrites } from '../cluster/audit-log.js';
import { podTemplate } from '../contenders/pod-template.js';
import { type BenchContext, patienceMs } from '../context.js';
import { type RunningExecutor, START_MS, withOurs, withStock } from './executors.js';

/** The stock executor's rate shows long before it is through with thousands: so long it may go on. */
const STOCK_MS = 30_000;

/** From the queue of this project's executor to pods in the API server, with pods that run and end meanwhile, as in life. */
export async function createOurs(context: BenchContext, size: number): Promise<void> {
  await withOurs(context, size, template(context), (executor) => create(context, executor, size, patienceMs(size)));
}

/** The same of Airflow's own. */
export async function createStock(context: BenchContext, size: number): Promise<void> {
  await withStock(context, size, template(context), (executor) => create(context, executor, size, STOCK_MS));
}

function template({ node }: BenchContext): string {
  return podTemplate({ node, hold: false });
}

async function create(
  context: BenchContext,
  { contender, namespace, process }: RunningExecutor,
  size: number,
  atMostMs: number,
): Promise<void> {
  process.next();
  const { at: startedAt } = await process.said('started', START_MS);
  await process.said('created', atMostMs).catch((error: unknown) => {
    if (contender !== 'stock') {
      throw error;
    }
  });
  process.kill();
  const { created, lastCreateAt } = countWrites(await context.audit.podWrites(namespace.name, startedAt));
  if (created !== size && contender !== 'stock') {
    throw new Error(`${contender}: ${created} pods were created for ${size} workloads`);
  }
  const value = (created * 1000) / (lastCreateAt - startedAt);
  context.record({ contender, size, figure: 'createdPerSecond', value });
}
