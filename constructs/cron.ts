/** `spec` of a CronJob, without its jobTemplate. */
export function cronSpec(schedule: string): object {
  return {
    schedule,
    concurrencyPolicy: 'Forbid',
    // One that was missed while the cluster was down is made up for within an hour, or waits for the next time.
    startingDeadlineSeconds: 3600,
    successfulJobsHistoryLimit: 1,
    failedJobsHistoryLimit: 1,
  };
}
