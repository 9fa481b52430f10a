import { readSparkArguments } from '../../../src/runtime/commands/run-spark-options.js';
import { parseSparkRequest } from '../../../src/runtime/spark/request.js';

const read = (...args: string[]) => {
  const read = readSparkArguments(args);
  if (read.mode !== 'person') {
    throw new Error(read.mode);
  }
  return parseSparkRequest(read.request, 'command line');
};

describe('the command line of run-spark', () => {
  test('has the words of spark-submit, and leaves what follows the application to it', () => {
    const { run, settings } = read(
      ...['--image', 'spark:4', '-n', 'jobs', '--class', 'a.Main', '--conf', 'spark.a=b=c', '--num-executors', '2'],
      ...['--jars', 'a.jar,b.jar', '--keep', 'local:///app.jar', '--class', 'mine', '-h', '--', '3'],
    );
    expect(settings).toMatchObject({
      application: 'local:///app.jar',
      args: ['--class', 'mine', '-h', '--', '3'],
      javaClass: 'a.Main',
      jars: ['a.jar', 'b.jar'],
      executors: 2,
      conf: { 'spark.a': 'b=c', 'spark.executor.instances': '2' },
    });
    expect(run).toMatchObject({ namespace: 'jobs', onFinish: 'keep_pod', startupTimeoutSeconds: null });
  });

  test.each([
    [['--image', 'x'], 'needs an APPLICATION'],
    [['--imagine', 'x', 'app.py'], 'imagine'],
    [['--conf', 'spark.a', 'app.py'], '--conf (spark.a) must be NAME=VALUE'],
    [['--json', 'app.py'], 'takes no argument'],
  ])('refuses %j', (args, message) => {
    expect(() => readSparkArguments(args)).toThrow(message);
  });

  test('refuses a number that is none as every wrong field', () => {
    expect(() => read('--image', 'spark:4', '--num-executors', 'many', 'app.py')).toThrow(`'spark.executors'`);
  });
});
