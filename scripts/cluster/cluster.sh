#!/usr/bin/env bash
# The local cluster: a real single-node Kubernetes without Docker, in a network namespace of its own. See docs/cluster.md.
set -euo pipefail

# npm scripts may come with a short PATH: the system's own programs and Go's usual place go behind it.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/go/bin
export PATH
unset KUBECONFIG

SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly SCRIPTS
for part in common toolchain processes images control-plane node kwok status teardown; do
  # shellcheck source=/dev/null
  source "$SCRIPTS/lib/$part.sh"
done

readonly LOCK_FOLDER=/run/lock
readonly CHANGE_LOCK=$LOCK_FOLDER/cdk8s-airflow-cluster.lock
readonly USE_LOCK=$LOCK_FOLDER/cdk8s-airflow-cluster-use.lock
readonly CHANGE_LOCK_SECONDS=1200

usage() {
  cat <<'TEXT'
Usage: cluster.sh COMMAND

  up [--kwok]                       start the cluster, or do nothing if it is healthy; --kwok: with ten fake nodes
  down                              stop it and remove everything but the images
  status [--json]                   health of each part; exit code 0 only if all are healthy
  kubeconfig                        print the path of the kubeconfig
  load ARCHIVE...                   load images from docker or OCI archives, skipping what is there
  kubectl [--] ARGUMENT...          kubectl on this cluster
  interrupt PART [--for SECONDS]    kill etcd or the apiserver, start it again after so long (default: at once)
  lock [--wait SECONDS] -- COMMAND  run a command while no other one holds the cluster (default: wait 3600 seconds)

Needs root on Debian 12, and Go to build it the first time (about 10 minutes).
TEXT
}

usage_error() {
  say "cluster: $*"
  usage >&2
  exit 2
}

# One `up`, `down` or `load` at a time on the machine. The descriptor stays open until this script ends.
take_change_lock() {
  mkdir -p "$LOCK_FOLDER"
  exec {change_lock}>>"$CHANGE_LOCK"
  if ! flock --nonblock "$change_lock"; then
    say "waiting for another cluster command (pid $(cat "$CHANGE_LOCK" 2>/dev/null || true)) …"
    flock --timeout "$CHANGE_LOCK_SECONDS" "$change_lock" ||
      fail "another cluster command (pid $(cat "$CHANGE_LOCK")) is still running after $CHANGE_LOCK_SECONDS seconds"
  fi
  printf '%s\n' "$$" >"$CHANGE_LOCK"
}

# Names everything that shapes a running cluster. The place of this checkout is no part of it: another clone of the
# same revision finds the cluster as its own.
fingerprint() {
  (
    cd "$SCRIPTS"
    sha256sum lib/common.sh lib/control-plane.sh lib/node.sh lib/kwok.sh manifests/*
    printf '%s\n' "$STATE"
  ) | sha256sum | cut -d' ' -f1
}

is_same_and_healthy() {
  [[ -r $RUN/fingerprint && $(<"$RUN/fingerprint") == "$(fingerprint)" ]] && [[ -x $KUBERNETES_BIN/kubectl ]] && all_healthy
}

# A cluster that was started with another state folder (another HOME) holds the same addresses: it goes first.
take_down_foreign() {
  local owner
  [[ -r $OWNER_FILE ]] || return 0
  owner=$(<"$OWNER_FILE")
  [[ $owner != "$STATE" && $owner == /*/cdk8s-airflow/cluster ]] || return 0
  local own=$STATE
  set_state_folder "$owner"
  step "stopping the cluster of $owner" take_down
  set_state_folder "$own"
}

up() {
  local kwok=no
  case ${1:-} in
    '') ;;
    --kwok) kwok=yes ;;
    *) usage_error "up knows no $1" ;;
  esac
  require_machine
  take_change_lock
  mkdir -p "$LOGS" "$CACHE"
  ensure_packages
  if is_same_and_healthy; then
    say "the cluster is up"
  else
    ensure_programs
    ensure_images
    take_down_foreign
    if anything_left; then
      step "removing what is left of an earlier cluster" take_down
    fi
    bring_up
  fi
  if [[ $kwok == yes && ! -e $RUN/pids/kwok ]]; then
    ensure_kwok_program
    step "adding $KWOK_NODES kwok nodes" start_kwok
  fi
  say "kubeconfig: $KUBECONFIG_FILE"
}

bring_up() {
  rm -f "$LOGS"/*.log
  mkdir -p "$RUN/pids" "$MACHINE_DIR"
  chmod 0711 "$STATE" "$RUN"
  printf '%s\n' "$STATE" >"$OWNER_FILE"
  cp -R "$SCRIPTS/manifests" "$RUN/manifests"
  step "making the network and the certificates" prepare
  step "starting etcd, the API server and containerd" start_base
  step "starting the controllers, the node, DNS and volumes" start_rest
  # Written last: a cluster that never came up whole is never taken for a healthy one.
  fingerprint >"$RUN/fingerprint"
}

prepare() {
  make_network
  make_certificates
  write_kubeconfig admin "$API_URL" "$KUBECONFIG_FILE"
  write_containerd_config
  write_kubelet_config
}

start_base() {
  start_etcd
  start_containerd
  start_apiserver
  wait_until 30 "containerd" containerd_ready
  load_archives "$PAUSE_ARCHIVE" "$BUSYBOX_ARCHIVE" 2>/dev/null
  wait_until 90 "the API server" apiserver_ready
}

start_rest() {
  start_controllers
  start_node
  admin_kubectl apply --filename="$RUN/manifests/cluster.yaml" >/dev/null
  start_services
  wait_until 90 "the node to be Ready" node_ready
  wait_until 60 "DNS to answer" dns_answers
  wait_until 60 "the default service account" default_service_account_exists
  wait_until 60 "every part to be healthy" all_healthy
}

down() {
  require_machine
  take_change_lock
  take_down_foreign
  if anything_left; then
    step "stopping the cluster" take_down
  else
    say "the cluster is not running"
  fi
}

load() {
  (($# > 0)) || usage_error "load needs an archive"
  require_machine
  take_change_lock
  alive containerd || fail "the cluster is not running: cluster.sh up"
  load_archives "$@"
}

# An outage, for tests. It ends by itself, whatever becomes of the caller, and no `up` meets it: the lock is held.
interrupt() {
  local part=${1:-} seconds=0
  [[ $part == etcd || $part == apiserver ]] || usage_error "interrupt needs a part: etcd or apiserver"
  if [[ ${2:-} == --for ]]; then
    seconds=${3:-}
    [[ $seconds =~ ^[0-9]+$ ]] || usage_error "interrupt --for needs a number of seconds"
  fi
  require_machine
  take_change_lock
  healthy "$part" || fail "the $part is not healthy: cluster.sh up"
  trap : HUP INT TERM
  kill_parts "$part"
  wait_until 10 "the $part to end" not_alive "$part"
  say "the $part is down"
  sleep "$seconds" || true # a signal ends the outage, not this script
  "start_$part"
  wait_until 90 "every part to be healthy" all_healthy
  say "the $part is up"
}

not_alive() { ! alive "$1"; }

# The lock for a whole test run. The command does not inherit it (a daemon that it starts would keep it for ever);
# inside the command the lock counts as held, so commands may nest.
with_use_lock() {
  local seconds=3600
  if [[ ${1:-} == --wait ]]; then
    seconds=${2:-}
    [[ $seconds =~ ^[0-9]+$ ]] || usage_error "lock --wait needs a number of seconds"
    shift 2
  fi
  [[ ${1:-} != -- ]] || shift
  (($# > 0)) || usage_error "lock needs a command"
  if [[ -n ${CDK8S_AIRFLOW_CLUSTER_LOCK:-} ]] && kill -0 "$CDK8S_AIRFLOW_CLUSTER_LOCK" 2>/dev/null; then
    exec "$@"
  fi
  mkdir -p "$LOCK_FOLDER"
  local use_lock
  exec {use_lock}>>"$USE_LOCK"
  if ! flock --nonblock "$use_lock"; then
    say "the cluster is in use by pid $(cat "$USE_LOCK"); waiting up to $seconds seconds …"
    flock --timeout "$seconds" "$use_lock" || fail "the cluster is still in use by pid $(cat "$USE_LOCK")"
  fi
  printf '%s\n' "$$: $*" >"$USE_LOCK"
  CDK8S_AIRFLOW_CLUSTER_LOCK=$$ "$@" {use_lock}>&-
}

run_kubectl() {
  [[ ${1:-} != -- ]] || shift
  [[ -r $KUBECONFIG_FILE ]] || fail "the cluster is not running: cluster.sh up"
  exec "$KUBERNETES_BIN/kubectl" --kubeconfig="$KUBECONFIG_FILE" "$@"
}

main() {
  local home=${HOME:-/root} command=${1:---help}
  (($# == 0)) || shift
  set_state_folder "${XDG_STATE_HOME:-$home/.local/state}/cdk8s-airflow/cluster"
  set_cache_folder "${XDG_CACHE_HOME:-$home/.cache}/cdk8s-airflow"
  case $command in
    up) up "$@" ;;
    down) down ;;
    status) show_status "$@" ;;
    kubeconfig) printf '%s\n' "$KUBECONFIG_FILE" ;;
    load) load "$@" ;;
    kubectl) run_kubectl "$@" ;;
    interrupt) interrupt "$@" ;;
    lock) with_use_lock "$@" ;;
    -h | --help | help) usage ;;
    *) usage_error "no such command: $command" ;;
  esac
}

main "$@"
