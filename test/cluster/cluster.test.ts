import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SCRIPTS = join(__dirname, '../../scripts/cluster');

/** Runs bash with the cluster's functions loaded and a state folder of its own. */
function bash(state: string, script: string) {
  const prelude = `set -euo pipefail; for lib in common processes images status; do source "${SCRIPTS}/lib/$lib.sh"; done; set_state_folder "${state}";`;
  return spawnSync('bash', ['-c', `${prelude} ${script}`], { encoding: 'utf8' });
}

function startTimeOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[19] ?? '';
}

describe('cluster.sh', () => {
  let state: string;

  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'cluster-test-'));
    mkdirSync(join(state, 'run/pids'), { recursive: true });
  });

  afterEach(() => {
    rmSync(state, { recursive: true });
  });

  it('knows a daemon by its pid and its start time', () => {
    writeFileSync(join(state, 'run/pids/etcd'), `${process.pid} ${startTimeOf(process.pid)}\n`);
    expect(bash(state, 'pid_of etcd').stdout).toBe(String(process.pid));
  });

  it('does not take a process that got the pid later for the daemon', () => {
    writeFileSync(join(state, 'run/pids/etcd'), `${process.pid} 1\n`);
    expect(bash(state, 'alive etcd').status).toBe(1);
  });

  it('takes a daemon whose pid is gone for dead', async () => {
    const child = spawn('true');
    const { pid } = child;
    await new Promise((resolve) => child.once('exit', resolve));
    writeFileSync(join(state, 'run/pids/etcd'), `${pid} 1\n`);
    expect(bash(state, 'alive etcd').status).toBe(1);
  });

  it('reports every part as unhealthy when nothing runs, as JSON that parses', () => {
    const { stdout, status } = bash(state, 'show_status --json');
    const report = JSON.parse(stdout) as { healthy: boolean; parts: { pid: number | null; healthy: boolean }[] };
    expect(status).toBe(1);
    expect(report.healthy).toBe(false);
    expect(report.parts).toHaveLength(9);
    expect(report.parts.every((part) => part.pid === null && !part.healthy)).toBe(true);
  });

  it('loads an archive again when an image of it is gone or was replaced', () => {
    mkdirSync(join(state, 'images'));
    writeFileSync(join(state, 'images/abc'), 'docker.io/a:1 sha256:1\ndocker.io/b:1 sha256:2\n');
    const loaded = (present: string) =>
      bash(state, `image_digests() { printf '${present}'; }; archive_is_loaded abc`).status;
    expect(loaded('docker.io/b:1 sha256:2\\ndocker.io/a:1 sha256:1\\ndocker.io/c:1 sha256:3\\n')).toBe(0);
    expect(loaded('docker.io/a:1 sha256:1\\n')).toBe(1);
    expect(loaded('docker.io/a:1 sha256:9\\ndocker.io/b:1 sha256:2\\n')).toBe(1);
    expect(loaded('')).toBe(1);
  });

  it('leaves no descriptor open to what it starts, so that a daemon never holds a lock', () => {
    const openFiles = (before: string) =>
      bash(state, `exec {lock}>>"$STATE/lock"; ( ${before}; exec readlink -e /proc/self/fd/* ) || true`).stdout;
    expect(openFiles('true')).toContain(join(state, 'lock'));
    expect(openFiles('close_descriptors')).not.toContain(join(state, 'lock'));
  });

  it('refuses what it does not know with exit code 2', () => {
    const { status, stderr } = spawnSync(join(SCRIPTS, 'cluster.sh'), ['bogus'], { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toContain('no such command: bogus');
  });
});
