import { once } from 'node:events';
import { API_PORT, firstUserLogin } from '../airflow.js';
import { defineCommand } from '../command.js';
import { API_COMPONENTS, readyPod } from '../kube/pods.js';
import { forwardPort } from '../kube/port-forward.js';
import { note } from '../progress.js';

/** `cdk8s-airflow ui` */
export const ui = defineCommand({
  command: 'ui',
  describe: 'Forward the Airflow UI to this machine, print its address and login, until Ctrl-C',
  builder: (args) =>
    args.option('port', { type: 'number', requiresArg: true, default: 8080, describe: 'Local port; 0: a free one' }),
  run: async (session, args) => {
    const { client, namespace, release, signal } = session;
    const pod = async () => await readyPod(client, namespace, release, API_COMPONENTS);
    await pod();
    const login = await firstUserLogin(client, namespace, release);
    const forward = await forwardPort(client, { pod, targetPort: API_PORT, localPort: args.port, onError: note });
    try {
      const address = `http://127.0.0.1:${forward.port}`;
      session.print({ address, ...login }, () =>
        [`Airflow   ${address}`, `User      ${login.username}`, `Password  ${login.password}`].join('\n'),
      );
      note('Ctrl-C ends it.');
      if (!signal.aborted) {
        await once(signal, 'abort');
      }
    } finally {
      await forward.close();
    }
  },
});
