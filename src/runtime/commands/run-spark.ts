import { EXIT_CODES } from '../../../constructs/contract.js';
import { chooseCluster } from '../api/credentials.js';
import type { RunEvent, RunSink } from '../run/events.js';
import type { RunLeft } from '../run/pod-run.js';
import { podInWords, TextSink } from '../run/text-sink.js';
import { parseSparkRequest, type SparkRequest } from '../spark/request.js';
import { SparkSubmitter } from '../spark/submitter.js';
import { runForProgram, Stops, tellError } from './driver.js';
import { exitCodeFor, shellExitCodeFor } from './run-exit.js';
import { followPod } from './run-pod.js';
import { SHELL_EXIT_CODES } from './run-pod-options.js';
import { readSparkArguments, RUN_SPARK_HELP, type SparkArguments } from './run-spark-options.js';

/**
 * Runs a Spark application to its end.
 * @param args what follows the name of the command
 * @returns the exit code
 */
export async function runSpark(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  let options: SparkArguments;
  try {
    options = readSparkArguments(args);
  } catch (error) {
    process.stderr.write(`pod-launcher: ${(error as Error).message}\n\n${RUN_SPARK_HELP}`);
    return EXIT_CODES.CONFIG;
  }
  switch (options.mode) {
    case 'help':
      process.stdout.write(RUN_SPARK_HELP);
      return EXIT_CODES.OK;
    case 'program':
      return runForProgram<SparkRequest, RunEvent>({
        attached: options.attached,
        parse: parseSparkRequest,
        run: async (request, sink, stops) => exitCodeFor(await follow(request, sink, stops, env)),
      });
    case 'person':
      return runForPerson(options.request, env);
  }
}

async function runForPerson(given: object, env: NodeJS.ProcessEnv): Promise<number> {
  const sink = new TextSink<RunEvent>(process.stdout, process.stderr, false, podInWords);
  try {
    return shellExitCodeFor(await follow(parseSparkRequest(given, 'command line'), sink, new Stops(), env));
  } catch (error) {
    tellError(error, sink);
    return SHELL_EXIT_CODES.RUN_FAILED;
  }
}

function follow(
  { run, settings }: SparkRequest,
  sink: RunSink,
  stops: Stops,
  env: NodeJS.ProcessEnv,
): Promise<RunLeft> {
  if (settings.deployMode === 'client') {
    return followPod(run, sink, stops, env);
  }
  return followPod(run, sink, stops, env, (api) => {
    const { credentials } = chooseCluster(run.cluster, env);
    const { container } = run;
    const submitter = new SparkSubmitter({ api, credentials, settings, container, sink, env, kill: stops.kill.signal });
    return (namespace, pod, name) => submitter.create(namespace, pod, name);
  });
}
