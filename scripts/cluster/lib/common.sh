# shellcheck shell=bash
# Paths, versions and small helpers that every part of the cluster shares.
# shellcheck disable=SC2034 # the variables are read by the files that source this one

readonly KUBERNETES_VERSION=v1.34.4
readonly ETCD_VERSION=v3.6.0
readonly KWOK_VERSION=v0.7.0
readonly COREDNS_VERSION=v1.12.0
readonly LOCAL_PATH_VERSION=v0.0.30

readonly NODE_NAME=node0
readonly NODE_IP=192.168.78.2
readonly HOST_IP=192.168.78.1
readonly API_URL=https://$NODE_IP:6443
readonly POD_CIDR=10.244.0.0/16
readonly POD_SUBNET=10.244.0.0/24
readonly SERVICE_CIDR=10.96.0.0/16
readonly DNS_IP=10.96.0.10
readonly KWOK_NODES=10

readonly NETNS=cdk8s-airflow
readonly NETNS_FILE=/run/netns/$NETNS
readonly HOST_VETH=veth-cdk8s

readonly PAUSE_IMAGE=docker.io/cdk8s-airflow/pause:1
readonly BUSYBOX_IMAGE=docker.io/library/busybox:1

# One cluster a machine, whatever HOME is: its addresses and its network namespace have fixed names.
readonly MACHINE_DIR=/run/cdk8s-airflow-cluster
readonly OWNER_FILE=$MACHINE_DIR/state-folder

# Lays out the state folder. What lives under RUN belongs to one run of the cluster and is wiped by `down`;
# the images (CONTAINERD_ROOT) and the logs of the last run stay.
set_state_folder() { # FOLDER
  STATE=$1
  RUN=$STATE/run
  LOGS=$STATE/logs
  CONTAINERD_ROOT=$STATE/containerd
  IMAGE_RECORDS=$STATE/images
  KUBECONFIG_FILE=$STATE/kubeconfig
  CONTAINERD_SOCKET=$RUN/containerd.sock
  export KUBECACHEDIR=$RUN/kubectl-cache
}

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "cluster: $*"
  exit 1
}

# Runs a step and shows it as one line with the seconds it took.
step() { # TEXT COMMAND...
  local text=$1 began=$SECONDS
  shift
  printf '%s … ' "$text" >&2
  "$@"
  printf '%s s\n' "$((SECONDS - began))" >&2
}

# Polls a condition until it holds; every wait of the cluster is bounded by this.
wait_until() { # SECONDS WHAT COMMAND...
  local what=$2 deadline=$((SECONDS + $1))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= deadline)); then
      printf 'failed\n' >&2
      fail "gave up waiting for $what; logs: $LOGS"
    fi
    sleep 0.1
  done
}

in_netns() { nsenter --net="$NETNS_FILE" -- "$@"; }

admin_kubectl() { "$KUBERNETES_BIN/kubectl" --kubeconfig="$KUBECONFIG_FILE" "$@"; }

ctr_k8s() { ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io "$@"; }

# Answers whether the URL gives 2xx, asked from inside the node.
http_ok() { # URL
  in_netns curl --silent --fail --insecure --noproxy '*' --max-time 3 --output /dev/null "$1"
}
