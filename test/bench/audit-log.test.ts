import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditLog, countWrites } from '../../bench/cluster/audit-log.js';

function line(verb: string, code: number, second: number, changes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    stage: 'ResponseComplete',
    verb,
    userAgent: 'pod-launcher/1',
    objectRef: { namespace: 'bench-a', resource: 'pods' },
    responseStatus: { code },
    stageTimestamp: new Date(second * 1000).toISOString(),
    ...changes,
  });
}

describe('the audit log', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'audit-'));
    mkdirSync(join(folder, 'logs'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test('is read across its rotation, and only for the namespace and the contender', async () => {
    const rotated = [line('create', 201, 1), line('create', 409, 2)];
    const current = [
      line('create', 201, 3),
      line('patch', 200, 4, { userAgent: 'cdk8s-airflow-bench' }),
      line('delete', 200, 5),
      line('delete', 404, 6),
      line('deletecollection', 200, 7, { userAgent: 'kube-controller-manager/v1' }),
      line('create', 201, 8, { objectRef: { namespace: 'bench-other', resource: 'pods' }, note: 'bench-a' }),
      '{"verb":"delete","objectRef":{"namespace":"bench-a',
    ];
    writeFileSync(join(folder, 'logs/audit-1.log'), rotated.join('\n'));
    writeFileSync(join(folder, 'logs/audit.log'), current.join('\n'));

    const log = await AuditLog.besides(join(folder, 'kubeconfig'));

    expect(countWrites(await log.podWrites('bench-a', 0))).toEqual({
      lastCreateAt: 3000,
      lastDeleteAt: 5000,
      created: 2,
      deleted: 1,
      deletes: 2,
      refused: 2,
      writes: 5,
    });
  });

  test('counts what a service account asked, a watch once, unless reads are not kept', async () => {
    const by = (username: string): Record<string, unknown> => ({ user: { username } });
    const writes = [line('create', 201, 1, by('sa:a')), line('delete', 200, 2, by('sa:a'))];
    const file = join(folder, 'logs/audit.log');
    writeFileSync(file, writes.join('\n'));
    const log = await AuditLog.besides(join(folder, 'kubeconfig'));
    expect(await log.requestsBy('sa:a', 'bench-a', 0, 10_000)).toBeNull();

    const reads = [
      line('list', 200, 3, by('sa:a')),
      line('watch', 200, 4, { ...by('sa:a'), stage: 'ResponseStarted' }),
      line('watch', 200, 9, by('sa:a')),
      line('list', 200, 5, by('sa:b')),
      line('list', 200, 11, by('sa:a')),
    ];
    writeFileSync(file, [...writes, ...reads].join('\n'));
    expect(await log.requestsBy('sa:a', 'bench-a', 0, 10_000)).toBe(4);
  });

  test('must lie beside the kubeconfig', async () => {
    await expect(AuditLog.besides(join(folder, 'elsewhere/kubeconfig'))).rejects.toThrow('scripts/cluster');
  });
});
