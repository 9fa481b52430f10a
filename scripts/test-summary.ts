/**
 * `node test-summary.js FOLDER FILE…`: sums the results that the test runners left in FOLDER (jest's JSON, pytest's
 * JUnit XML) and prints `N passed, N failed` on a line of its own. Exit code 1 if one failed, none ran, or a FILE is
 * missing: a runner that died before it could write counts as one failure.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

interface JestResults {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  /** Files that could not even be loaded: their tests are in neither number. */
  readonly numRuntimeErrorTestSuites: number;
}

/** What jest's `--json` says. */
export function jestTally(json: string): Tally {
  const results = JSON.parse(json) as JestResults;
  return { passed: results.numPassedTests, failed: results.numFailedTests + results.numRuntimeErrorTestSuites };
}

/** What a JUnit file says; skipped tests are in neither number. */
export function junitTally(xml: string): Tally {
  const tally = { passed: 0, failed: 0 };
  for (const [suite] of xml.matchAll(/<testsuite\s[^>]*>/g)) {
    const count = (name: string): number => Number(new RegExp(`\\s${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
    const failed = count('failures') + count('errors');
    tally.failed += failed;
    tally.passed += count('tests') - failed - count('skipped');
  }
  return tally;
}

/** The sum over all runners; `missing` are those that left nothing. */
export function sum(tallies: readonly Tally[], missing: number): Tally {
  return tallies.reduce(
    (total, { passed, failed }) => ({ passed: total.passed + passed, failed: total.failed + failed }),
    { passed: 0, failed: missing },
  );
}

function main([folder = '', ...files]: readonly string[]): void {
  const tallies: Tally[] = [];
  let missing = 0;
  for (const file of files) {
    const path = join(folder, file);
    if (!existsSync(path)) {
      process.stdout.write(`${file}: no result\n`);
      missing += 1;
      continue;
    }
    const text = readFileSync(path, 'utf8');
    const tally = file.endsWith('.xml') ? junitTally(text) : jestTally(text);
    process.stdout.write(`${file}: ${tally.passed} of ${tally.passed + tally.failed} passed\n`);
    tallies.push(tally);
  }
  const { passed, failed } = sum(tallies, missing);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

if (require.main === module) {
  main(process.argv.slice(2));
}
