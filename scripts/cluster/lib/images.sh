# shellcheck shell=bash
# Images: the two that the cluster itself needs, and loading archives.

# The sandbox image holds one static program, an init that only waits and reaps; busybox makes the volumes' folders.
ensure_images() {
  local folder=$CACHE/images
  [[ -e $folder/pause-1.tar ]] || build_image "$folder/pause-1.tar" "$PAUSE_IMAGE" '["/pause", "-P"]' pause_files
  [[ -e $folder/busybox-1.tar ]] || build_image "$folder/busybox-1.tar" "$BUSYBOX_IMAGE" '["sh"]' busybox_files
}

pause_files() { # ROOT
  install -m 0755 /usr/bin/catatonit "$1/pause"
}

busybox_files() { # ROOT
  local applet
  mkdir -p "$1/bin" "$1/etc" "$1/root"
  mkdir -m 1777 "$1/tmp"
  install -m 0755 /usr/bin/busybox "$1/bin/busybox"
  for applet in $(/usr/bin/busybox --list); do
    [[ $applet == busybox ]] || ln -s busybox "$1/bin/$applet"
  done
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$1/etc/passwd"
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
