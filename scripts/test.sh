#!/usr/bin/env bash
# Runs every test: lint, unit, Python, then integration and end to end on the local cluster, which it starts and, if it
# was not up before, stops. Goes on after a failure; the last line is `N passed, N failed` and counts all runners.
# KEEP_CLUSTER=1 leaves the cluster up.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly RESULTS=$PWD/dist/test-results
readonly CLUSTER=scripts/cluster/cluster.sh
PATH=$PWD/node_modules/.bin:$PATH
export PATH

expected=(unit.json python.xml python-airflow2.xml integration.json e2e.json)
failed_phases=()
cluster_is_ours=no
preparing=

say() { printf '\n== %s (%s)\n' "$*" "$(date -u +%H:%M:%S)"; }

# A phase that fails is remembered, and the next one still runs.
phase() {
  local name=$1 started=$SECONDS
  shift
  say "$name"
  if "$@"; then
    printf -- '-- %s: ok, %d s\n' "$name" $((SECONDS - started))
  else
    printf -- '-- %s: FAILED, %d s\n' "$name" $((SECONDS - started))
    failed_phases+=("$name")
    return 1
  fi
}

jest_project() {
  local name=$1
  shift
  bash scripts/jest.sh --selectProjects "$name" --json --outputFile="$RESULTS/$name.json" "$@"
}

# The cluster and the images are made while the quick tests run: on a new machine that is what takes long.
start_preparing() {
  "$CLUSTER" status >/dev/null 2>&1 || cluster_is_ours=yes
  # In a process group of its own, so that it can be ended with all it started.
  set -m
  {
    # While Kubernetes compiles, too. load.sh builds what is still missing, so a failure here is told there.
    scripts/images/build.sh >"$RESULTS/images.log" 2>&1 &
    "$CLUSTER" up --kwok && { wait; scripts/images/load.sh; }
  } >"$RESULTS/prepare.log" 2>&1 </dev/null &
  preparing=$!
  set +m
}

prepared() {
  local shown
  tail --pid="$preparing" --lines=+1 --follow "$RESULTS/prepare.log" &
  shown=$!
  local code=0
  wait "$preparing" || code=$?
  preparing=
  wait "$shown" || true
  return "$code"
}

diagnose() {
  local kubectl=("$CLUSTER" kubectl --)
  say 'pods'
  "${kubectl[@]}" get pods --all-namespaces --output=wide --request-timeout=10s | grep -v kwok || true
  say 'newest events'
  "${kubectl[@]}" get events --all-namespaces --sort-by=.lastTimestamp --request-timeout=10s | grep -v kwok | tail -60 || true
}

# Also after a signal: nothing of ours is left running.
finish() {
  local code=$?
  trap - EXIT INT TERM
  if [[ -n $preparing ]]; then
    kill -- "-$preparing" 2>/dev/null || true
    wait "$preparing" || true
  fi
  if [[ $cluster_is_ours == yes ]]; then
    if ((code != 0 || ${#failed_phases[@]} > 0)); then
      diagnose
    fi
    if [[ ${KEEP_CLUSTER:-} != 1 ]]; then
      say 'stopping the cluster'
      "$CLUSTER" down || code=1
    fi
  fi
  if ((${#failed_phases[@]} > 0)); then
    printf '\nfailed: %s\n' "${failed_phases[*]}"
    code=1
  fi
  # Says how many tests passed and failed; fails if one did, or if none ran.
  node dist/lib/scripts/test-summary.js "$RESULTS" "${expected[@]}" || code=1
  exit "$code"
}

main() {
  rm -rf "$RESULTS"
  mkdir -p "$RESULTS"
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  start_preparing
  phase lint npm run --silent lint || true
  phase unit jest_project unit || true
  phase python scripts/python-test.sh --junitxml="$RESULTS/python.xml" || true
  phase 'python with Airflow 2' scripts/python-test.sh --airflow2 --junitxml="$RESULTS/python-airflow2.xml" || true
  if phase 'cluster and images' prepared; then
    phase integration jest_project integration --runInBand || true
    phase e2e jest_project e2e --runInBand || true
  fi
}

if [[ ${1:-} == --locked ]]; then
  main
else
  bash scripts/bootstrap.sh --cluster
  # One test run at a time on the machine: the cluster's addresses and names are fixed.
  exec bash "$CLUSTER" lock -- bash scripts/test.sh --locked
fi
