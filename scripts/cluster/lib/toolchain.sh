# shellcheck shell=bash
# What the cluster is made of: Debian packages, and programs built from Go modules into the cache.

readonly PACKAGES=(
  containerd runc containernetworking-plugins iptables conntrack ipset ethtool socat catatonit busybox-static
  openssl iproute2 util-linux curl ca-certificates procps
)
readonly KUBERNETES_PROGRAMS=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl)

# Sets where the programs are (or will be): one folder per tool and version.
set_cache_folder() { # FOLDER
  CACHE=$1
  local machine
  machine=$(uname -m)
  KUBERNETES_BIN=$CACHE/bin/kubernetes-$KUBERNETES_VERSION-$machine
  ETCD_BIN=$CACHE/bin/etcd-$ETCD_VERSION-$machine
  KWOK_BIN=$CACHE/bin/kwok-$KWOK_VERSION-$machine
  COREDNS_BIN=$CACHE/bin/coredns-$COREDNS_VERSION-$machine
  LOCAL_PATH_BIN=$CACHE/bin/local-path-provisioner-$LOCAL_PATH_VERSION-$machine
}

require_machine() {
  ((EUID == 0)) || fail "must run as root: it makes network namespaces, mounts and cgroups"
  local id='' version=''
  if [[ -r /etc/os-release ]]; then
    id=$(sed -n 's/^ID=//p' /etc/os-release)
    version=$(sed -n 's/^VERSION_ID="\(.*\)"$/\1/p' /etc/os-release)
  fi
  [[ $id == debian && $version == 12 ]] ||
    fail "needs Debian 12 (its containerd, runc and CNI plugins); this is ${id:-unknown} ${version:-}"
}

missing_packages() {
  local package
  for package in "${PACKAGES[@]}"; do
    # shellcheck disable=SC2016 # dpkg-query's own placeholder
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      printf '%s\n' "$package"
  done
}

ensure_packages() {
  local -a missing
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]} == 0)) || step "installing Debian packages ${missing[*]}" install_packages "${missing[@]}"
}

install_packages() { # PACKAGE...
  local log=$LOGS/apt.log
  "$SCRIPTS/../install-packages.sh" "$@" </dev/null >"$log" 2>&1 || fail "apt-get failed: $(tail -n 3 "$log"); see $log"
  # Debian starts a containerd of its own; ours has its own socket and folders and needs no second one beside it.
  if [[ " $* " == *' containerd '* && -d /run/systemd/system ]]; then
    systemctl disable --now containerd.service >>"$log" 2>&1 || true
  fi
}

ensure_programs() {
  ensure_program "Kubernetes $KUBERNETES_VERSION (first time: about 6 minutes)" "$KUBERNETES_BIN" build_kubernetes
  ensure_program "etcd $ETCD_VERSION" "$ETCD_BIN" build_module etcd "go.etcd.io/etcd/server/v3@$ETCD_VERSION"
  ensure_program "CoreDNS $COREDNS_VERSION (first time: about 2 minutes)" "$COREDNS_BIN" \
    build_module coredns "github.com/coredns/coredns@$COREDNS_VERSION"
  ensure_program "local-path-provisioner $LOCAL_PATH_VERSION" "$LOCAL_PATH_BIN" \
    build_module local-path-provisioner "github.com/rancher/local-path-provisioner@$LOCAL_PATH_VERSION"
}

ensure_kwok_program() {
  ensure_program "kwok $KWOK_VERSION (first time: about 90 seconds)" "$KWOK_BIN" \
    build_module kwok "sigs.k8s.io/kwok/cmd/kwok@$KWOK_VERSION" kwok
}

# Builds beside the final place and moves the finished folder there, so that a broken build is never taken for a tool.
ensure_program() { # TEXT FOLDER BUILD-FUNCTION ARGUMENT...
  local text=$1 folder=$2
  shift 2
  [[ -d $folder ]] || step "building $text" build_into "$folder" "$@"
}

build_into() { # FOLDER BUILD-FUNCTION ARGUMENT...
  local folder=$1 work log
  shift
  command -v go >/dev/null || fail "needs Go 1.25 or newer on PATH to build the cluster's programs"
  mkdir -p "$CACHE/bin"
  rm -rf "$CACHE"/bin/.build.*
  work=$(mktemp -d "$CACHE/bin/.build.XXXXXX")
  log=$LOGS/build-$(basename "$folder").log
  mkdir "$work/source" "$work/out"
  # A child shell: `set -e` does not act inside a function whose result is tested.
  (
    set -e
    cd "$work/source"
    "$1" "$work/out" "${@:2}"
  ) </dev/null >"$log" 2>&1 &
  wait $! || fail "build failed: $(tail -n 3 "$log"); see $log"
  mv -T "$work/out" "$folder"
  rm -rf "$work"
}

# k8s.io/kubernetes points its staging modules at folders that the published module leaves out:
# each is replaced by its own published version, v0.X.Y for Kubernetes v1.X.Y.
build_kubernetes() { # OUT
  local out=$1 version=${KUBERNETES_VERSION#v1.} module_file program
  module_file=$(go mod download -json "k8s.io/kubernetes@$KUBERNETES_VERSION" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
  {
    printf 'module cluster\n\ngo 1.24.0\n\nrequire k8s.io/kubernetes %s\n\n' "$KUBERNETES_VERSION"
    sed -n "s|^[[:space:]]*\(k8s.io/[a-z-]*\) => ./staging.*|replace \1 => \1 v0.$version|p" "$module_file"
    for program in "${KUBERNETES_PROGRAMS[@]}"; do
      printf 'tool k8s.io/kubernetes/cmd/%s\n' "$program"
    done
  } >go.mod
  go mod tidy
  local package=k8s.io/component-base/version
  go build -buildvcs=false -trimpath -o "$out/" \
    -ldflags "-s -w -X $package.gitVersion=$KUBERNETES_VERSION -X $package.gitMajor=1 -X $package.gitMinor=${version%%.*}" \
    tool
}

build_module() { # OUT NAME PACKAGE@VERSION
  printf 'module cluster\n\ngo 1.25.0\n' >go.mod
  go get -tool "$3"
  # A main package at a module's root keeps its major version in the import path only.
  go build -buildvcs=false -trimpath -ldflags '-s -w' -o "$1/$2" "${3%@*}"
}
