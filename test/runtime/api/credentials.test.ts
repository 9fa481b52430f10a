import { chooseCluster } from '../../../src/runtime/api/credentials.js';

const cluster = (name: string) => ({ name, cluster: { server: `https://${name}.example.com` } });
const context = (name: string, namespace?: string) => ({ name, context: { cluster: name, user: 'u', namespace } });
const config = JSON.stringify({
  clusters: [cluster('here'), cluster('there')],
  users: [{ name: 'u', user: { token: 't' } }],
  contexts: [context('here'), context('there', 'jobs')],
  'current-context': 'here',
});

describe('the cluster of an operator', () => {
  test('is that of the current context, or of the one that is named, with its namespace', async () => {
    const current = chooseCluster({ config }, {});
    expect(current.namespace).toBeNull();
    expect((await current.credentials.access()).server).toBe('https://here.example.com');
    const named = chooseCluster({ config, context: 'there' }, {});
    expect(named.namespace).toBe('jobs');
    const { server, headers } = await named.credentials.access();
    expect({ server, headers }).toEqual({
      server: 'https://there.example.com',
      headers: { authorization: 'Bearer t' },
    });
  });

  test.each([
    [{ config, context: 'nowhere' }, `no context 'nowhere'; it has: here, there`],
    [{ config, configFile: '/k' }, 'only one of'],
    [{ configFile: '/no/such/file' }, 'no such file'],
    [{ inCluster: true }, 'does not run in a pod'],
  ])('is refused when it cannot be: %#', (choice, message) => {
    expect(() => chooseCluster(choice, {})).toThrow(message);
  });
});
