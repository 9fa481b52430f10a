import { EXIT_CODES } from '../../../constructs/contract.js';
import type { ShellOptions } from '../run/shell-request.js';

/** How `run-pod` is to run. */
export interface RunPodOptions extends ShellOptions {
  readonly json: boolean;
  readonly attached: boolean;
}

/** As node:util parses it. */
export const RUN_POD_FLAGS = {
  json: { type: 'boolean' },
  attached: { type: 'boolean' },
  follow: { type: 'boolean', short: 'f' },
  result: { type: 'boolean' },
  keep: { type: 'boolean' },
  namespace: { type: 'string', short: 'n' },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  container: { type: 'string', short: 'c' },
} as const;

export type RunPodValues = {
  readonly [flag in keyof typeof RUN_POD_FLAGS]?: (typeof RUN_POD_FLAGS)[flag]['type'] extends 'boolean'
    ? boolean
    : string;
};

/** Exit codes of a run without an exit code of its own, as container tools have it. */
export const SHELL_EXIT_CODES = { RUN_FAILED: 125, SIGNALED: 130 } as const;

export const RUN_POD_HELP = `pod-launcher run-pod: runs the pod of a manifest to its end

Usage:
  pod-launcher run-pod FILE [--follow] [--result] [--keep] [--container NAME]
                       [--namespace NAME] [--kubeconfig FILE] [--context NAME]
      Create the pod of FILE (YAML or JSON; '-' for standard input) under a name of its own.
      Without --follow the command ends there: it prints the pod's name.
      -f, --follow     print the log while the pod runs, and delete the pod at its end;
                       the exit code is that of the container. Ctrl-C deletes the pod.
      --result         follow, and print the JSON that the container writes to /airflow/xcom/return.json
                       on standard output; the log goes to standard error
      --keep           do not delete the pod at its end
      -c, --container  the container whose log and exit code count (default: 'base', else the first)
      -n, --namespace  where, if FILE does not say it (default: that of the context)
      --kubeconfig     which cluster (default: KUBECONFIG, else the pod's service account, else ~/.kube/config)
      --context        a context of the kubeconfig
  pod-launcher run-pod --json [--attached]
      Read a request from the first line of standard input and write events to standard output, one JSON object
      a line (docs/operators.md). SIGTERM, or the line {"type":"kill"}, ends the pod.
      --attached       when standard input ends, end as well and leave the pod running

Examples:
  pod-launcher run-pod pod.yaml --follow
  kubectl create job demo --image=busybox:1 --dry-run=client -o yaml -- date \\
    | yq .spec.template | pod-launcher run-pod - --follow --namespace demo

Exit codes: that of the container; ${SHELL_EXIT_CODES.RUN_FAILED}: the pod failed without one, or could not be run;
${SHELL_EXIT_CODES.SIGNALED}: told to end. With --json: ${EXIT_CODES.OK} succeeded, ${EXIT_CODES.POD_FAILED} failed, ${EXIT_CODES.KILLED} told to end, ${EXIT_CODES.DETACHED} left running,
${EXIT_CODES.UNREACHABLE} API server away, ${EXIT_CODES.CONFIG} request refused, ${EXIT_CODES.PERMISSION} not allowed, ${EXIT_CODES.ERROR} unforeseen.
`;
