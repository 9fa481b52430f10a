import { jestTally, junitTally, sum } from '../../scripts/test-summary.js';

describe('the sum of all test runners', () => {
  test('counts a jest file that cannot be loaded as a failure', () => {
    const json = JSON.stringify({ numPassedTests: 3, numFailedTests: 1, numRuntimeErrorTestSuites: 1 });
    expect(jestTally(json)).toEqual({ passed: 3, failed: 2 });
  });

  test("reads pytest's JUnit file, without what was skipped", () => {
    const xml =
      '<testsuites name="pytest"><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10"/></testsuites>';
    expect(junitTally(xml.replace('/></testsuites>', ' ></testsuite></testsuites>'))).toEqual({ passed: 4, failed: 3 });
  });

  test('counts a runner that left nothing as a failure', () => {
    expect(sum([{ passed: 2, failed: 0 }], 1)).toEqual({ passed: 2, failed: 1 });
  });
});
