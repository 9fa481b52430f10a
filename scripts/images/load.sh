#!/usr/bin/env bash
# Builds what is missing and loads it into the local cluster: load.sh [--tag TAG[=FOLDER]] [NAME…], as build.sh.
# `airflow` brings `base` along, `airflow2` `base2`, and a release brings `airflow`: their archives hold only what comes on top.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
names=() tags=()
while (($#)); do
  case $1 in
    --tag)
      tags+=(--tag "${2:?--tag needs a value}")
      shift 2
      ;;
    *)
      names+=("$1")
      shift
      ;;
  esac
done
((${#tags[@]} == 0)) || names=(base airflow "${names[@]}")
[[ " ${names[*]-} " != *' airflow '* ]] || names=(base "${names[@]}")
[[ " ${names[*]-} " != *' airflow2 '* ]] || names=(base2 "${names[@]}")
list=$("$here/build.sh" "${names[@]}" "${tags[@]}")
mapfile -t archives < <(cut -f3 <<<"$list" | awk '!seen[$0]++')
"$here/../cluster/cluster.sh" load "${archives[@]}"
