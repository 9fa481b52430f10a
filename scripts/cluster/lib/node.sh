# shellcheck shell=bash
# The node: network, containerd, kubelet, kube-proxy, and what serves every pod (DNS, volumes).

# A network namespace with one cable to the machine and no default route: bridges, routes and packet rules of the
# cluster stay inside it and vanish with it, and no packet of a pod can leave the machine.
make_network() {
  ip netns add "$NETNS"
  ip link add "$HOST_VETH" type veth peer name eth0 netns "$NETNS"
  ip address add "$HOST_IP/24" dev "$HOST_VETH"
  ip link set "$HOST_VETH" up
  ip -netns "$NETNS" address add "$NODE_IP/24" dev eth0
  ip -netns "$NETNS" link set eth0 up
  ip -netns "$NETNS" link set lo up
  # Processes of the node need a route to Service addresses before kube-proxy rewrites them. A bridge without ports
  # gives one; the kernel here has no dummy device.
  ip -netns "$NETNS" link add services type bridge
  ip -netns "$NETNS" link set services up
  ip -netns "$NETNS" route add "$SERVICE_CIDR" dev services src "$NODE_IP"
  in_netns sysctl --quiet --write net.ipv4.ip_forward=1
  # Pods may answer the machine, never call it.
  in_netns iptables --append FORWARD --source "$POD_CIDR" --destination "$HOST_IP" \
    --match conntrack --ctstate NEW --jump REJECT
}

write_containerd_config() {
  mkdir -p "$RUN/cni" "$CONTAINERD_ROOT"
  cat >"$RUN/cni/10-pods.conflist" <<JSON
{
  "cniVersion": "0.4.0",
  "name": "cdk8s-airflow",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni0",
      "isGateway": true,
      "ipMasq": true,
      "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "dataDir": "$RUN/cni-addresses",
        "ranges": [[{ "subnet": "$POD_SUBNET" }]],
        "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
JSON
  # restrict_oom_score_adj: without CAP_SYS_RESOURCE a negative score is refused and runc dies.
  cat >"$RUN/containerd.toml" <<TOML
version = 2
root = "$CONTAINERD_ROOT"
state = "$RUN/containerd"

[grpc]
  address = "$CONTAINERD_SOCKET"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$RUN/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
TOML
}

start_containerd() { start containerd containerd --config "$RUN/containerd.toml"; }

containerd_ready() { timeout 5 ctr --address "$CONTAINERD_SOCKET" --connect-timeout 2s version; }

write_kubelet_config() {
  # Image collection is off (100 percent): nothing could be pulled again. Disk pressure means a disk that is really full.
  cat >"$RUN/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: { enabled: false }
  webhook: { enabled: true }
  x509: { clientCAFile: "$RUN/pki/ca.crt" }
authorization: { mode: Webhook }
tlsCertFile: "$RUN/pki/kubelet-server.crt"
tlsPrivateKeyFile: "$RUN/pki/kubelet-server.key"
containerRuntimeEndpoint: "unix://$CONTAINERD_SOCKET"
cgroupDriver: cgroupfs
cgroupsPerQOS: true
enforceNodeAllocatable: []
failSwapOn: false
oomScoreAdj: 0
clusterDNS: ["$DNS_IP"]
clusterDomain: cluster.local
resolvConf: ""
readOnlyPort: 0
maxPods: 200
kubeAPIQPS: 200
kubeAPIBurst: 400
podLogsDir: "$RUN/pod-logs"
containerLogMaxSize: 50Mi
containerLogMaxFiles: 3
imageGCHighThresholdPercent: 100
imageMaximumGCAge: 0s
evictionHard: { memory.available: 100Mi, nodefs.available: 1Gi, imagefs.available: 1Gi }
evictionPressureTransitionPeriod: 30s
shutdownGracePeriod: 0s
YAML
}

start_node() {
  start kubelet "$KUBERNETES_BIN/kubelet" --config="$RUN/kubelet.yaml" --kubeconfig="$RUN/kubelet.kubeconfig" \
    --root-dir="$RUN/kubelet" --hostname-override="$NODE_NAME" --node-ip="$NODE_IP"
  # Connection-tracking limits may not be written from inside a namespace: 0 leaves them alone.
  start kube-proxy "$KUBERNETES_BIN/kube-proxy" --kubeconfig="$RUN/kube-proxy.kubeconfig" --proxy-mode=iptables \
    --cluster-cidr="$POD_CIDR" --hostname-override="$NODE_NAME" --healthz-bind-address=127.0.0.1:10256 \
    --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
}

node_ready() {
  [[ $(admin_kubectl get node "$NODE_NAME" --request-timeout=3s \
    --output 'jsonpath={.status.conditions[?(@.type=="Ready")].status}') == True ]]
}

# DNS and volumes run as processes of the node, not as pods: they need no image.
start_services() {
  cat >"$RUN/Corefile" <<COREFILE
cluster.local in-addr.arpa ip6.arpa {
  bind $NODE_IP
  errors
  ready 127.0.0.1:8181
  kubernetes {
    kubeconfig $RUN/coredns.kubeconfig
    ttl 5
  }
}
. {
  bind $NODE_IP
  errors
  template ANY ANY {
    rcode NXDOMAIN
  }
}
COREFILE
  start coredns "$COREDNS_BIN/coredns" -conf "$RUN/Corefile"

  # One folder that every node would see: this is what makes ReadWriteMany claims possible.
  mkdir -p "$RUN/volumes"
  printf '{"sharedFileSystemPath": "%s"}\n' "$RUN/volumes" >"$RUN/local-path.json"
  start local-path-provisioner "$LOCAL_PATH_BIN/local-path-provisioner" start \
    --kubeconfig "$RUN/local-path-provisioner.kubeconfig" --config "$RUN/local-path.json" \
    --helper-image "$BUSYBOX_IMAGE" --helper-pod-file "$RUN/manifests/local-path-helper.yaml" \
    --namespace local-path-storage
}

# Through the Service's address, so that kube-proxy's rules are proven too.
dns_answers() {
  in_netns timeout 3 busybox nslookup -type=a kubernetes.default.svc.cluster.local "$DNS_IP"
}
