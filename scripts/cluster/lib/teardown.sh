# shellcheck shell=bash
# Taking the cluster down, whatever is left of it: nothing here relies on a daemon that still answers.

# Containers outlive containerd, so the order is: what starts pods, the pods, containerd, then everything that
# still lives in the node's network namespace.
take_down() {
  kill_parts kubelet apiserver controller-manager scheduler kwok
  kill_pods
  stop_containerd
  kill_parts kube-proxy coredns local-path-provisioner etcd
  kill_until_none "processes of the node" node_pids
  unmount_all
  forget_containers
  remove_network
  remove_cgroups
  remove_files
}

anything_left() {
  [[ -e $RUN || -e $NETNS_FILE || -e $OWNER_FILE ]] || ip link show "$HOST_VETH" >/dev/null 2>&1 || [[ -n $(pod_cgroups) ]]
}

# There is nothing to save: the API's data goes too.
kill_parts() { # NAME...
  local name pid
  for name in "$@"; do
    if pid=$(pid_of "$name"); then
      kill -KILL "$pid" 2>/dev/null || true
    fi
  done
}

pod_cgroups() { find /sys/fs/cgroup -maxdepth 2 -type d -name kubepods 2>/dev/null; }

pod_pids() {
  local -a groups
  mapfile -t groups < <(pod_cgroups)
  ((${#groups[@]} == 0)) || find "${groups[@]}" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -un
}

node_pids() {
  [[ ! -e $NETNS_FILE ]] || ip netns pids "$NETNS" 2>/dev/null
}

kill_pods() { kill_until_none "pods" pod_pids; }

kill_until_none() { # WHAT LIST-FUNCTION
  local -a pids
  local deadline=$((SECONDS + 15))
  while mapfile -t pids < <("$2") && ((${#pids[@]} > 0)); do
    ((SECONDS < deadline)) || fail "cannot end ${1}: ${pids[*]}"
    kill -KILL "${pids[@]}" 2>/dev/null || true
    sleep 0.05
  done
}

# containerd is the one that keeps something (the images): it may close its database.
stop_containerd() {
  local pid deadline=$((SECONDS + 10))
  pid=$(pid_of containerd) || return 0
  kill -TERM "$pid" 2>/dev/null || true
  while alive containerd && ((SECONDS < deadline)); do
    sleep 0.05
  done
  kill -KILL "$pid" 2>/dev/null || true
}

mounts_below() { # FOLDER
  local target
  while read -r _ _ _ _ target _; do
    printf -v target '%b' "$target" # blanks are octal escapes
    [[ $target != "$1"/* ]] || printf '%s\n' "$target"
  done </proc/self/mountinfo
}

unmount_all() {
  local target
  while read -r target; do
    umount "$target" 2>/dev/null || umount --lazy "$target" 2>/dev/null || true
  done < <(mounts_below "$STATE" | sort -r)
  [[ -z $(mounts_below "$STATE") ]] || fail "cannot unmount: $(mounts_below "$STATE")"
}

# Removes containers, sandboxes and their writable layers from containerd's database, keeps the images. A containerd
# without the Kubernetes plugin does it: that plugin would bring the old sandboxes back into its memory.
forget_containers() {
  rm -rf "$CONTAINERD_ROOT/io.containerd.grpc.v1.cri" "$CONTAINERD_ROOT/io.containerd.runtime.v2.task"
  [[ -e $CONTAINERD_ROOT/io.containerd.metadata.v1.bolt/meta.db ]] || return 0
  command -v containerd >/dev/null || return 0
  mkdir -p "$RUN" "$LOGS"
  cat >"$RUN/cleanup.toml" <<TOML
version = 2
root = "$CONTAINERD_ROOT"
state = "$RUN/containerd-cleanup"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.restart"]

[grpc]
  address = "$CONTAINERD_SOCKET"
TOML
  (
    close_descriptors
    # Ends by itself, should this script be killed: it holds the database's lock.
    exec timeout --kill-after=5 120 containerd --config "$RUN/cleanup.toml"
  ) </dev/null >"$LOGS/containerd-cleanup.log" 2>&1 &
  local pid=$!
  (wait_until 20 "containerd to clean up" containerd_ready) || {
    kill -KILL "$pid"
    exit 1
  }
  remove_containers || say "containerd kept some containers; see $LOGS/containerd-cleanup.log"
  kill -TERM "$pid"
  wait "$pid" 2>/dev/null || true
}

remove_containers() {
  local -a names
  mapfile -t names < <(timeout 20 ctr --address "$CONTAINERD_SOCKET" -n k8s.io containers list --quiet)
  ((${#names[@]} == 0)) || timeout 60 ctr --address "$CONTAINERD_SOCKET" -n k8s.io containers delete "${names[@]}" >/dev/null 2>&1 || true
  mapfile -t names < <(timeout 20 ctr --address "$CONTAINERD_SOCKET" -n k8s.io snapshots --snapshotter overlayfs list |
    awk '$NF == "Active" {print $1}')
  ((${#names[@]} == 0)) || printf '%s\n' "${names[@]}" |
    timeout 60 xargs --max-args=1 ctr --address "$CONTAINERD_SOCKET" -n k8s.io snapshots --snapshotter overlayfs remove >/dev/null
}

remove_network() {
  [[ ! -e $NETNS_FILE ]] || ip netns delete "$NETNS"
  # The kernel ends a namespace a moment later; its half of the cable goes with it.
  ip link delete "$HOST_VETH" 2>/dev/null || true
  wait_until 10 "the network device $HOST_VETH to go" no_host_veth
  # `ip netns add` made this folder a mount; it goes with the last namespace.
  if [[ -d /run/netns && -z $(ls -A /run/netns) ]]; then
    umount /run/netns 2>/dev/null || true
  fi
}

no_host_veth() { ! ip link show "$HOST_VETH"; }

remove_cgroups() {
  wait_until 10 "the pods' cgroups to go" try_remove_cgroups
}

try_remove_cgroups() {
  local group
  while read -r group; do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done < <(pod_cgroups)
  [[ -z $(pod_cgroups) ]]
}

remove_files() {
  rm -rf --one-file-system "$RUN"
  # CNI, runc and the shims also keep files in fixed places, which another containerd would share.
  rm -f /var/lib/cni/results/cdk8s-airflow-*
  if ! pgrep --exact --runstates D,I,R,S,T containerd >/dev/null; then
    rm -f /var/lib/cni/results/cni-loopback-*
    rm -rf --one-file-system /run/containerd
  fi
  rm -f "$KUBECONFIG_FILE"
  rm -rf "$MACHINE_DIR"
}
