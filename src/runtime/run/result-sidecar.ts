import { posix } from 'node:path';
import type { RunRequest } from './request.js';

export type ResultRequest = NonNullable<RunRequest['result']>;

/** As the stock operator calls it. */
export const SIDECAR = 'airflow-xcom-sidecar';
const VOLUME = 'xcom';

/** First line of the sidecar's log: what follows, and how many bytes of it there are. */
const HEADER = 'pod-launcher-result';

const RESOURCES = { requests: { cpu: '1m', memory: '10Mi' } };
const SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

/**
 * A native sidecar: the kubelet tells it to end when the other containers have ended, and it then writes the file to its
 * own log. Nothing is executed in it, and nothing has to end it.
 */
export function sidecar(result: ResultRequest): Record<string, unknown> {
  return {
    name: SIDECAR,
    image: result.image,
    imagePullPolicy: 'IfNotPresent',
    restartPolicy: 'Always',
    command: ['sh', '-c', script(result)],
    resources: result.resources ?? RESOURCES,
    securityContext: result.securityContext ?? SECURITY,
    volumeMounts: [mount(result)],
  };
}

/** The volume that the container and the sidecar share. */
export function resultVolume(): Record<string, unknown> {
  return { name: VOLUME, emptyDir: {} };
}

export function mount(result: ResultRequest): { readonly name: string; readonly mountPath: string } {
  return { name: VOLUME, mountPath: posix.dirname(result.path) };
}

function script({ path, maxBytes }: ResultRequest): string {
  // A shell waits for its child before it looks at a signal, unless it was told to wait for it.
  return `f=${quoted(path)}
tell() {
  if [ ! -e "$f" ]; then echo '${HEADER} missing 0'
  elif [ ! -r "$f" ]; then echo '${HEADER} unreadable 0'
  else
    n=$(wc -c < "$f"); n=$((n))
    if [ "$n" -gt ${maxBytes} ]; then echo "${HEADER} too-large $n"
    else echo "${HEADER} whole $n"; cat "$f"; fi
  fi
  exit 0
}
trap tell TERM
while :; do sleep 3600 & wait $!; done`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What the sidecar said. */
export type SidecarResult =
  | { readonly kind: 'json'; readonly json: string }
  /** The log does not hold all of it (yet). */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'missing' | 'unreadable' | 'empty' }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'invalid'; readonly why: string };

/** Reads the sidecar's log; pure. */
export function parseSidecarLog(log: Buffer): SidecarResult {
  const end = log.indexOf(10);
  const [header, state, size] = log.subarray(0, Math.max(0, end)).toString('utf8').split(' ');
  if (header !== HEADER || size === undefined) {
    return { kind: 'incomplete' };
  }
  const bytes = Number(size);
  switch (state) {
    case 'missing':
    case 'unreadable':
      return { kind: state };
    case 'too-large':
      return { kind: 'too-large', bytes };
    default:
      return parseContent(log.subarray(end + 1), bytes);
  }
}

function parseContent(content: Buffer, bytes: number): SidecarResult {
  // The runtime may end the last line of a log that has no end.
  const whole = content.length === bytes + 1 && content.at(-1) === 10 ? content.subarray(0, bytes) : content;
  if (whole.length !== bytes) {
    return { kind: 'incomplete' };
  }
  const json = whole.toString('utf8').trim();
  if (json === '') {
    return { kind: 'empty' };
  }
  const why = whyNotJson(json);
  return why === null ? { kind: 'json', json } : { kind: 'invalid', why };
}

/** Python writes NaN and Infinity, and reads them. */
const STRING_OR_CONSTANT = /"(?:[^"\\]|\\.)*"|NaN|-?Infinity/g;

function whyNotJson(text: string): string | null {
  try {
    JSON.parse(text.replace(STRING_OR_CONSTANT, (found) => (found.startsWith('"') ? found : 'null')));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
