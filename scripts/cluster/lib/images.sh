# shellcheck shell=bash
# Images: the two that the cluster itself needs, and loading archives.

# The sandbox image holds one static program, an init that only waits and reaps; busybox makes the volumes' folders.
ensure_images() {
  local key
  # shellcheck disable=SC2016 # dpkg-query's own placeholder
  key=$({
    dpkg-query --show --showformat='${Package} ${Version}\n' catatonit libc6
    cat "$SCRIPTS/lib/images.sh"
  } | sha256sum | cut -c1-12)
  PAUSE_ARCHIVE=$CACHE/cluster-images/pause-$key.tar
  BUSYBOX_ARCHIVE=$CACHE/cluster-images/busybox-$key.tar
  [[ -e $PAUSE_ARCHIVE ]] || build_image "$PAUSE_ARCHIVE" "$PAUSE_IMAGE" '["/pause", "-P"]' pause_files
  [[ -e $BUSYBOX_ARCHIVE ]] || build_image "$BUSYBOX_ARCHIVE" "$BUSYBOX_IMAGE" '["sh"]' busybox_files
}

pause_files() { # ROOT
  install -m 0755 /usr/bin/catatonit "$1/pause"
}

busybox_files() { # ROOT
  local applet
  mkdir -p "$1/bin" "$1/etc" "$1/root"
  mkdir -m 1777 "$1/tmp"
  # Debian's dynamic busybox, unpacked but not installed (the static one looks no names up without a C library), and the
  # files of the C library that it needs.
  unpack_package busybox "$1"
  rm -rf "${1:?}/usr"
  for applet in $("$1/bin/busybox" --list); do
    [[ $applet == busybox ]] || ln -s busybox "$1/bin/$applet"
  done
  local -a libraries
  mapfile -t libraries < <(dpkg-query --listfiles libc6 |
    grep --extended-regexp '/(libc\.so\.6|libresolv\.so\.2|libnss_(files|dns)\.so\.2|ld-linux-.*)$')
  tar --create --dereference --directory / "${libraries[@]#/}" | tar --extract --directory "$1"
  printf 'hosts: files dns\n' >"$1/etc/nsswitch.conf"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$1/etc/passwd"
}

unpack_package() { # PACKAGE ROOT
  local work
  work=$(mktemp -d "$CACHE/.package.XXXXXX")
  chmod 0755 "$work"
  (
    cd "$work" || exit 1
    apt-get download "$1" || { apt-get update && apt-get download "$1"; }
    dpkg-deb --extract "$1"_*.deb "$2"
  ) </dev/null >"$LOGS/unpack-$1.log" 2>&1 || fail "cannot get the Debian package $1; see $LOGS/unpack-$1.log"
  rm -rf "$work"
}

# Makes an image of one layer as an archive in Docker's format, the same bytes for the same files.
build_image() { # ARCHIVE NAME COMMAND-JSON FILES-FUNCTION
  local archive=$1 name=$2 command=$3 files=$4 work
  local -a tar=(tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --create)
  mkdir -p "$(dirname "$archive")"
  work=$(mktemp -d "$CACHE/.image.XXXXXX")
  mkdir "$work/root"
  "$files" "$work/root"
  "${tar[@]}" --file "$work/layer.tar" --directory "$work/root" .
  local layer
  layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
  printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":%s},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(dpkg --print-architecture)" "$command" "$layer" >"$work/config.json"
  printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$name" >"$work/manifest.json"
  "${tar[@]}" --file "$archive.new" --directory "$work" manifest.json config.json layer.tar
  mv "$archive.new" "$archive"
  rm -rf "$work"
}

# Loads archives (docker save or OCI layout). For each archive's content a record says which names it gave to which
# digests; as long as containerd still has exactly those, there is nothing to do.
load_archives() { # ARCHIVE...
  local archive digest
  mkdir -p "$IMAGE_RECORDS"
  for archive in "$@"; do
    [[ -r $archive ]] || fail "no such archive: $archive"
    digest=$(sha256sum <"$archive" | cut -d' ' -f1)
    if archive_is_loaded "$digest"; then
      say "$(basename "$archive"): loaded already"
    else
      step "loading $(basename "$archive")" import_archive "$archive" "$IMAGE_RECORDS/$digest"
    fi
  done
}

archive_is_loaded() { # DIGEST
  [[ -s $IMAGE_RECORDS/$1 ]] || return 1
  local present
  present=$(image_digests)
  ! grep --quiet --invert-match --line-regexp --fixed-strings --file=<(printf '%s\n' "$present") "$IMAGE_RECORDS/$1"
}

image_digests() { ctr_k8s images list | awk 'NR > 1 {print $1, $3}'; }

import_archive() { # ARCHIVE RECORD
  local output
  output=$(ctr_k8s images import --snapshotter overlayfs "$1" 2>&1) || fail "importing $1 failed: $output"
  # ctr tells of each image: unpacking NAME (DIGEST)...done
  sed -n 's/^unpacking \(.*\) (\(sha256:[0-9a-f]*\)).*/\1 \2/p' <<<"$output" >"$2.new"
  [[ -s $2.new ]] || fail "importing $1 named no image: $output"
  mv "$2.new" "$2"
}
