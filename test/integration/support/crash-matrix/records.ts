import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rows } from './airflow-side.js';

/** A line that a task's pod wrote (worker.sh). */
export interface PodRecord {
  /** `began`, `executed`, `refused-STATUS` or `reported-STATUS`. */
  readonly what: string;
  readonly launch: string;
  readonly attempt: number;
  readonly ti: string;
  readonly tryNumber: number;
  readonly mapIndex: number;
  readonly pod: string;
}

/** All that the task pods wrote. */
export function podRecords(folder: string): PodRecord[] {
  return readdirSync(folder).flatMap((pod) =>
    readFileSync(join(folder, pod), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [what = '', launch = '', attempt, ti = '', tryNumber, mapIndex] = line.split(' ');
        return {
          ...{ what, launch, ti, pod },
          ...{ attempt: Number(attempt), tryNumber: Number(tryNumber), mapIndex: Number(mapIndex) },
        };
      }),
  );
}

export interface Tally {
  /** State of the DAG run, by Airflow's table. */
  readonly run: string;
  /** States of the task instances, by Airflow's table. */
  readonly states: readonly string[];
  /** Tasks that no pod says to have executed under the try, the id and the launch that Airflow's table has. */
  readonly lost: readonly number[];
  /** Tasks that the pods say to have executed more than once, under whatever try or launch. */
  readonly twice: readonly number[];
  /** Launches of which more than one pod ran a process. */
  readonly launchedTwice: readonly string[];
  /** Tries that Airflow reset although the launcher had been sent their launch. */
  readonly resetAfterLaunch: number;
  /** Tries that Airflow reset, as it has to where a launch was never sent. */
  readonly reset: number;
  readonly executed: number;
  readonly pods: number;
  /** Pods that the execution API did not let run. */
  readonly refused: number;
}

/**
 * Holds what Airflow says against what the pods say.
 * @param records of all pods of the run
 * @param sent ids of the launches that a launcher was sent
 */
export function tally(rows: Rows, records: readonly PodRecord[], sent: ReadonlySet<string>): Tally {
  const { tasks } = rows;
  const executed = records.filter(({ what }) => what === 'executed');
  const count = (
    of: readonly PodRecord[],
    by: (record: PodRecord) => string | number,
  ): Map<string | number, number> => {
    const counts = new Map<string | number, number>();
    of.forEach((record) => counts.set(by(record), (counts.get(by(record)) ?? 0) + 1));
    return counts;
  };
  const began = records.filter(({ what }) => what === 'began');
  const perTask = count(executed, ({ mapIndex }) => mapIndex);
  return {
    run: rows.run,
    states: [...new Set(tasks.map(({ state }) => state))],
    lost: tasks
      .filter(
        (task) =>
          !executed.some(
            (record) =>
              record.mapIndex === task.mapIndex &&
              record.ti === task.ti &&
              record.tryNumber === task.tryNumber &&
              record.launch === task.launch,
          ),
      )
      .map(({ mapIndex }) => mapIndex),
    twice: [...perTask].filter(([, times]) => times > 1).map(([mapIndex]) => Number(mapIndex)),
    launchedTwice: [...count(began, ({ launch }) => launch)].filter(([, times]) => times > 1).map(([id]) => String(id)),
    resetAfterLaunch: rows.givenUp.filter((launch) => sent.has(launch)).length,
    reset: rows.givenUp.length,
    executed: executed.length,
    pods: new Set(began.map(({ pod }) => pod)).size,
    refused: records.filter(({ what }) => what.startsWith('refused')).length,
  };
}
