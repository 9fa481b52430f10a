import { parseOptions } from '../../bench/options.js';

const PYTHON = ['--python', 'python3'];

describe('options of the bench', () => {
  test('only a full run is kept', () => {
    expect(parseOptions(PYTHON)).toMatchObject({ rounds: 3, sizes: [500, 5000, 20000], output: 'bench/results.json' });
    expect(parseOptions([...PYTHON, '--quick'])).toMatchObject({ rounds: 1, sizes: [100], document: null });
    expect(parseOptions([...PYTHON, '--sizes', '500,5000']).output).toBe('dist/bench/results.json');
    expect(parseOptions([...PYTHON, '--sizes', '500', '--save']).output).toBe('bench/results.json');
  });

  test.each([
    [['--sizes', '500,none'], "--sizes: 'none' is not a whole number of at least 1"],
    [['--rounds', '0'], "--rounds: '0' is not"],
    [['--only', 'create,all'], "--only: 'all' is none of create"],
  ])('%j is refused', (args, problem) => {
    expect(() => parseOptions([...PYTHON, ...args])).toThrow(problem);
  });
});
