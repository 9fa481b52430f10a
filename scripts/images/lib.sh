# Sourced by build.sh and load.sh: where things are kept, what is installed, how images are named, keyed and written.
# shellcheck shell=bash
set -euo pipefail

PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/cdk8s-airflow/images
ARCHIVES=$CACHE/archives
STORAGE=$CACHE/storage
LAYERS=$CACHE/tmp/layers
STARTED=$(date +%s%N)
export TMPDIR=$CACHE/tmp
# The pinned clients of the build; uv installs the base image's packages, hatchling builds the wheel.
TOOLS_PINS=(uv==0.13.8 hatchling==1.33.0)

say() {
  local ms=$((($(date +%s%N) - STARTED) / 1000000))
  printf '%4d.%01ds  %s\n' $((ms / 1000)) $((ms % 1000 / 100)) "$*" >&2
}

die() {
  printf 'images: %s\n' "$*" >&2
  exit 1
}

sha() { sha256sum | cut -c1-16; }

# Hash of the contents and names of the files under the given folders (or of single files).
hash_files() {
  find "$@" -type f -print0 | LC_ALL=C sort -z | while IFS= read -r -d '' file; do
    printf '%s %s\n' "$(sha256sum <"$file")" "${file#"$PROJECT"/}"
  done | sha
}

install_packages() { "$PROJECT/scripts/install-packages.sh" "$@" >/dev/null; }

# A virtual environment with the pinned build tools; prints its path.
tools() {
  local venv lock
  venv=$(dirname "$CACHE")/tools-$(sha <<<"${TOOLS_PINS[*]}")
  mkdir -p "$(dirname "$venv")"
  exec {lock}>"$venv.lock"
  flock "$lock"
  if [[ ! -e $venv/.complete ]]; then
    install_packages python3 python3-venv
    say 'installing the build tools'
    rm -rf "$venv"
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install -q --disable-pip-version-check "${TOOLS_PINS[@]}" >&2
    touch "$venv/.complete"
  fi
  exec {lock}>&-
  echo "$venv"
}

# Overlay where this file system can carry one, else plain copies: slower, but it works inside any container.
storage_driver() {
  if [[ ! -s $CACHE/driver ]]; then
    local probe=$CACHE/probe driver=vfs
    mkdir -p "$probe"/{lower,upper,work,merged}
    if mount -t overlay overlay -o "lowerdir=$probe/lower,upperdir=$probe/upper,workdir=$probe/work" "$probe/merged" 2>/dev/null; then
      umount "$probe/merged"
      driver=overlay
    fi
    rm -rf "$probe"
    echo "$driver" >"$CACHE/driver"
  fi
  cat "$CACHE/driver"
}

# buildah with a storage of our own, so that the system's is never touched.
b() {
  command buildah --root "$STORAGE/root" --runroot "$STORAGE/run" --storage-driver "$(storage_driver)" "$@"
}

setup() {
  mkdir -p "$ARCHIVES" "$TMPDIR" "$STORAGE"
  # One builder at a time: they share the storage and the layout.
  exec 9>"$CACHE/lock"
  flock -n 9 || { say 'waiting for another build'; flock 9; }
  trap cleanup EXIT
}

# Leaves nothing mounted, also after an error or a signal: buildah keeps its storage folder bind-mounted.
cleanup() {
  local point
  awk -v under="$CACHE/" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo | tac | while read -r point; do
    umount "$point" || umount -l "$point" || true
  done
}

# build_args: how a build inside the chroot reaches the package registries just as this machine does: its CA bundle
# and the indexes it is set to use are mounted for the time of the build, so none of it ends up in an image.
build_args() {
  local mounts=$CACHE/build-mounts index=${PIP_INDEX_URL:-${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-}}}
  mkdir -p "$mounts"
  if [[ -e /etc/ssl/certs/ca-certificates.crt ]]; then
    printf '%s\n' --volume "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}:/etc/ssl/certs/ca-certificates.crt:ro"
  fi
  : >"$mounts/pip.conf"
  if [[ -n $index ]]; then
    printf '[global]\nindex-url = %s\n' "$index" >"$mounts/pip.conf"
  elif [[ -s /etc/pip.conf ]]; then
    grep -vE '^ *(cert|find-links)\b' /etc/pip.conf >"$mounts/pip.conf" || true
  fi
  printf '%s\n' --volume "$mounts/pip.conf:/etc/pip.conf:ro"
}

# dockerfile_image NAME KEY CONTEXT [buildah arguments…]: builds the Dockerfile in CONTEXT (or given by --file).
dockerfile_image() {
  local name=$1 key=$2 context=$3 args
  shift 3
  mapfile -t args < <(build_args)
  b build --quiet --layers --isolation chroot --network host --pull-never --format oci --timestamp 0 \
    "${args[@]}" "$@" --tag "$name" --tag "$(by_key "$name" "$key")" "$context" >"$CACHE/build.log" 2>&1 ||
    { cat "$CACHE/build.log" >&2; die "building $name failed"; }
}

# A second name, of the image's inputs: tells whether the storage holds this very image.
by_key() {
  local repository=${1%:*}
  echo "localhost/cdk8s-airflow/by-key:${repository//\//.}-$2"
}

# forget_older NAME IMAGE KEY: drops what was built from other inputs; archives only when they are an hour old, since
# another checkout may be about to load one.
forget_older() {
  local name=$1 image=$2 key=$3 old
  find "$ARCHIVES" -regextype posix-extended -regex ".*/$name-[0-9a-f]{16}\.tar" ! -name "$name-$key.tar" -mmin +60 -delete
  old=$(by_key "$image" '')
  b images --format '{{.Name}}:{{.Tag}}' 2>/dev/null | { grep -E "^${old}[0-9a-f]{16}\$" || true; } | while read -r old; do
    [[ $old == "$(by_key "$image" "$key")" ]] || b rmi "$old" >/dev/null 2>&1 || true
  done
}

in_storage() { b inspect --type image "$(by_key "$1" "$2")" >/dev/null 2>&1; }

# write_archive IMAGE ARCHIVE [PARENT]: an OCI archive that `ctr images import` reads. Layers of PARENT are left out:
# load the archive of PARENT first (load.sh does), and a new version of an image of 1 GB is a file of a few.
# Layers are not compressed, since writing and reading them would cost more than the disk they take for a while.
write_archive() {
  local image=$1 archive=$2 parent=${3:-} left_out=()
  [[ -z $parent ]] || mapfile -t left_out < <(layers_of "$parent")
  rm -rf "$LAYERS"
  if [[ -n $parent && $(layers_of "$image") == "$(layers_of "$parent")" ]]; then
    # Nothing but another configuration: spare the reading and writing of every layer.
    mkdir -p "$LAYERS"
    inspect "$image" '{{.Manifest}}' >"$LAYERS/manifest.json"
    inspect "$image" '{{.Config}}' >"$LAYERS/$(inspect "$image" '{{.Config}}' | sha256sum | cut -d' ' -f1)"
  else
    b push --quiet --disable-compression --format oci "$image" "dir:$LAYERS" >/dev/null
  fi
  python3 "$PROJECT/scripts/images/archive.py" "$LAYERS" "$image" "$archive.part" "${left_out[@]}"
  mv "$archive.part" "$archive"
  rm -rf "$LAYERS"
}

inspect() { b inspect --type image --format "$2" "$1"; }

layers_of() { inspect "$1" '{{range .OCIv1.RootFS.DiffIDs}}{{println .}}{{end}}'; }
