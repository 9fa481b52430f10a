import { EXIT_CODES } from '../../../constructs/contract.js';
import { SHELL_EXIT_CODES } from './run-pod-options.js';

export const RUN_JOB_HELP = `pod-launcher run-job: runs the Job of a manifest (batch/v1) to its end

Usage:
  pod-launcher run-job FILE [--follow] [--result] [--keep] [--container NAME]
                       [--namespace NAME] [--kubeconfig FILE] [--context NAME]
      Create the Job of FILE (YAML or JSON; '-' for standard input) under a name of its own.
      Without --follow the command ends there: it prints the Job's name.
      -f, --follow     print the logs of its pods while they run, and delete the Job with its pods at its end;
                       the exit code is that of the pod that failed last. Ctrl-C deletes the Job with its pods.
                       Where several pods run, each line begins with the completion index of its pod, or with the
                       end of its name
      --result         follow, and print a list of what the pods write to /airflow/xcom/return.json, as JSON, on
                       standard output; the logs go to standard error
      --keep           do not delete the Job at its end
      -c, --container  the container whose log and exit code count (default: all logs; 'base', else the first)
      -n, --namespace  where, if FILE does not say it (default: that of the context)
      --kubeconfig     which cluster (default: KUBECONFIG, else the pod's service account, else ~/.kube/config)
      --context        a context of the kubeconfig
  pod-launcher run-job --json [--attached]
      Read a request from the first line of standard input and write events to standard output, one JSON object
      a line (docs/operators.md). SIGTERM, or the line {"type":"kill"}, ends the Job.
      --attached       when standard input ends, end as well and leave the Job running

Examples:
  pod-launcher run-job job.yaml --follow
  kubectl create job demo --image=busybox:1 --dry-run=client -o yaml -- date | pod-launcher run-job - --follow

Exit codes: that of the container; ${SHELL_EXIT_CODES.RUN_FAILED}: the Job failed without one, or could not be run;
${SHELL_EXIT_CODES.SIGNALED}: told to end. With --json: ${EXIT_CODES.OK} succeeded, ${EXIT_CODES.POD_FAILED} failed, ${EXIT_CODES.KILLED} told to end, ${EXIT_CODES.DETACHED} left running,
${EXIT_CODES.UNREACHABLE} API server away, ${EXIT_CODES.CONFIG} request refused, ${EXIT_CODES.PERMISSION} not allowed, ${EXIT_CODES.ERROR} unforeseen.
`;
