import { countLogRequests } from '../../bench/operators/log-requests.js';

const METRICS = `# TYPE apiserver_request_total counter
apiserver_request_total{code="200",resource="pods",scope="resource",subresource="log",verb="CONNECT",version="v1"} 3
apiserver_request_total{code="404",resource="pods",scope="resource",subresource="log",verb="GET",version="v1"} 1
apiserver_request_total{code="101",resource="pods",scope="resource",subresource="exec",verb="CONNECT",version="v1"} 2
apiserver_request_total{code="200",resource="pods",scope="resource",subresource="status",verb="PATCH",version="v1"} 50
apiserver_request_total{code="200",resource="pods",scope="namespace",subresource="",verb="LIST",version="v1"} 7
`;

test('requests for logs and commands of pods are counted, whatever their answer', () => {
  expect(countLogRequests(METRICS)).toBe(6);
});
