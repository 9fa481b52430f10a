import { EXIT_CODES } from '../../../constructs/contract.js';
import { SHELL_EXIT_CODES } from './run-pod-options.js';

/** How `apply` is to run. */
export interface ApplyOptions {
  /** `-` for standard input. */
  readonly files: readonly string[];
  readonly json: boolean;
  readonly attached: boolean;
  readonly create: boolean;
  readonly delete: boolean;
  readonly rm: boolean;
  readonly force: boolean;
  readonly follow: boolean;
  readonly wait: readonly string[];
  readonly failOn: readonly string[];
  /** Seconds; 0: no limit. */
  readonly timeout: number | undefined;
  readonly namespace: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/** As node:util parses it; those of `run-pod` go with them. */
export const APPLY_FLAGS = {
  create: { type: 'boolean' },
  delete: { type: 'boolean' },
  rm: { type: 'boolean' },
  force: { type: 'boolean' },
  wait: { type: 'string', multiple: true },
  'fail-on': { type: 'string', multiple: true },
  timeout: { type: 'string' },
} as const;

export const APPLY_HELP = `pod-launcher apply: applies manifests, waits for them, deletes them

Usage:
  pod-launcher apply FILE… [--create | --delete] [--wait CONDITION]… [--fail-on CONDITION]… [--timeout SECONDS]
                     [--follow] [--rm] [--force] [--namespace NAME] [--kubeconfig FILE] [--context NAME]
      Apply every document of the files (YAML or JSON; '-' for standard input) on the server. All of them are tried
      first: with a wrong field, a missing kind or a missing right in one of them nothing is changed.
      --create         refuse objects that exist
      --delete         delete the objects instead; those that do not exist are no error
      --wait           condition=TYPE[=STATUS], jsonpath={.path}[=VALUE] or deleted, each maybe after KIND: or
                       KIND/NAME: if it is not about every object
      --fail-on        stop waiting, and fail, when this holds
      --timeout        seconds for the waiting (default 600; 0: no limit)
      -f, --follow     print the log of the Pods among the objects, until they end; the exit code is that of the first
      --rm             at the end, and at Ctrl-C, delete the objects that this command made
      --force          take over fields that another manager has
      -n, --namespace  where, if FILE does not say it (default: that of the context)
      --kubeconfig     which cluster (default: KUBECONFIG, else the pod's service account, else ~/.kube/config)
      --context        a context of the kubeconfig
  pod-launcher apply --json [--attached]
      Read a request from the first line of standard input and write events to standard output, one JSON object
      a line (docs/operators.md).
      --attached       when standard input ends, end as well and leave the objects

Examples:
  pod-launcher apply web.yaml --wait Deployment:condition=Available
  pod-launcher apply claim.yaml --wait 'jsonpath={.status.phase}=Bound' --timeout 60
  pod-launcher apply web.yaml --delete --wait deleted

Exit codes: ${EXIT_CODES.OK} done; ${SHELL_EXIT_CODES.RUN_FAILED}: refused, or what was waited for did not come; ${SHELL_EXIT_CODES.SIGNALED}: told to end. With --json:
${EXIT_CODES.OK} done, ${EXIT_CODES.POD_FAILED} failed, ${EXIT_CODES.KILLED} told to end, ${EXIT_CODES.DETACHED} left, ${EXIT_CODES.UNREACHABLE} API server away, ${EXIT_CODES.CONFIG} refused, ${EXIT_CODES.PERMISSION} not allowed, ${EXIT_CODES.ERROR} unforeseen.
`;
