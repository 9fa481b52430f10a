import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../until.js';
import { freePort, listens } from './network.js';

const PROGRAMS = '/usr/lib/postgresql/15/bin';
const HOST = '127.0.0.1';
const PASSWORD = 'only-for-the-crash-matrix';

/** A Postgres of its own, Debian's: two schedulers share it, and its row locks and SKIP LOCKED are what they rely on. */
export class Database {
  private output = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    readonly url: string,
  ) {
    child.stderr?.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-2000)));
  }

  static async start(): Promise<Database> {
    execFileSync('scripts/install-packages.sh', ['postgresql-15'], { stdio: ['ignore', 'ignore', 'inherit'] });
    // It refuses to run as root.
    const [uid, gid] = ['-u', '-g'].map((which) =>
      Number(execFileSync('id', [which, 'postgres'], { encoding: 'utf8' })),
    );
    if (uid === undefined || gid === undefined) {
      throw new Error('there is no user postgres');
    }
    const folder = mkdtempSync(join(tmpdir(), 'crash-matrix-database-'));
    const password = join(folder, 'password');
    const data = join(folder, 'data');
    writeFileSync(password, PASSWORD);
    for (const path of [folder, password]) {
      chownSync(path, uid, gid);
    }
    chmodSync(password, 0o600);
    const env = { PATH: process.env.PATH, LANG: 'C.UTF-8' };
    const initialize = ['--pgdata', data, '--auth', 'scram-sha-256', '--username', 'airflow', '--pwfile', password];
    execFileSync(join(PROGRAMS, 'initdb'), [...initialize, '--no-sync'], { uid, gid, env, cwd: folder });
    const port = await freePort(HOST);
    const listen = ['-h', HOST, '-p', String(port), '-k', folder];
    // It need not survive the machine.
    const child = spawn(join(PROGRAMS, 'postgres'), ['-D', data, ...listen, '-F', '-N', '200'], {
      ...{ uid, gid, env, cwd: folder },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const url = `postgresql+psycopg2://airflow:${PASSWORD}@${HOST}:${port}/postgres`;
    const database = new Database(child, folder, url);
    await until('the database', () => listens(HOST, port), { timeoutMs: 60_000, state: () => database.output });
    return database;
  }

  async stop(): Promise<void> {
    this.child.kill('SIGQUIT');
    await until('the end of the database', () => this.child.exitCode !== null || this.child.signalCode !== null);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
