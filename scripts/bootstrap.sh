#!/usr/bin/env bash
# Makes a checkout ready: installs the npm packages and compiles, where that is not done already. Starts on Node 20.
# bootstrap.sh [--cluster]; with --cluster it also checks that this machine can run the local cluster.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly STAMP=node_modules/.bootstrap

say() { printf '%s\n' "$*" >&2; }
die() {
  say "bootstrap: $*"
  exit 1
}

check_commands() {
  local missing=()
  for command in "$@"; do
    command -v "$command" >/dev/null || missing+=("$command")
  done
  ((${#missing[@]} == 0)) || die "missing: ${missing[*]}"
}

# The local cluster is proven on Debian 12 alone; its own script installs what it needs from there.
check_machine() {
  local ID='' VERSION_ID=''
  # shellcheck source=/dev/null
  [[ ! -r /etc/os-release ]] || source /etc/os-release
  [[ $ID == debian && $VERSION_ID == 12 ]] || die "the local cluster needs Debian 12; this is ${ID:-unknown} ${VERSION_ID:-}"
  [[ $(id -u) == 0 ]] || die 'the local cluster needs root (network namespaces, containerd): run this as root'
  check_commands apt-get ip nsenter curl tar
}

install_packages() {
  local lock
  lock=$(sha256sum package-lock.json | cut -d' ' -f1)
  if [[ -r $STAMP ]]; then
    [[ $(<"$STAMP") != "$lock" ]] || return 0
  elif [[ -e node_modules/.package-lock.json && ! package-lock.json -nt node_modules/.package-lock.json ]]; then
    # Installed by hand since the lock file changed.
    printf '%s\n' "$lock" >"$STAMP"
    return 0
  fi
  say 'installing npm packages …'
  npm ci --no-audit --no-fund --loglevel=error
  printf '%s\n' "$lock" >"$STAMP"
}

# Incremental: nothing to do takes a second.
compile() {
  PATH=$PWD/node_modules/.bin:$PATH npm run --silent build
}

[[ ${1:-} != --cluster ]] || check_machine
check_commands node npm sha256sum
install_packages
compile
