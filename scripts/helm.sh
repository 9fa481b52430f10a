#!/usr/bin/env bash
# Prints the path of the helm that the tests run; builds it from its Go module into the cache when it is not there yet.
set -euo pipefail
SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/cluster" && pwd)
# shellcheck source=scripts/cluster/lib/common.sh
source "$SCRIPTS/lib/common.sh"
# shellcheck source=scripts/cluster/lib/toolchain.sh
source "$SCRIPTS/lib/toolchain.sh"

readonly HELM_VERSION=v4.3.1

build_helm() { # OUT
  local package=helm.sh/helm/v4/internal/version
  printf 'module tools\n\ngo 1.25.0\n' >go.mod
  go get -tool "helm.sh/helm/v4/cmd/helm@$HELM_VERSION"
  # Its version is set by the linker only.
  go build -buildvcs=false -trimpath -ldflags "-s -w -X $package.version=$HELM_VERSION" \
    -o "$1/helm" helm.sh/helm/v4/cmd/helm
}

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/cdk8s-airflow/helm
LOGS=${XDG_STATE_HOME:-$HOME/.local/state}/cdk8s-airflow/cluster/logs
FOLDER=$CACHE/bin/helm-$HELM_VERSION-$(uname -m)
mkdir -p "$LOGS" "$CACHE/bin"
# Two at once would build it twice, and a build clears away what others left unfinished.
exec 9>>"$CACHE/bin/helm.lock"
flock 9
ensure_program "helm $HELM_VERSION (first time: about 3 minutes)" "$FOLDER" build_helm
echo "$FOLDER/helm"
