#!/usr/bin/env bash
# Installs those of the Debian packages that are missing: install-packages.sh PACKAGE… . Several scripts may ask at
# once, and apt does not wait for another one that updates its lists.
set -euo pipefail

missing=()
for package in "$@"; do
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0
if [[ $(id -u) != 0 ]]; then
  printf 'needs root to install: %s\n' "${missing[*]}" >&2
  exit 1
fi

exec 9>/run/lock/cdk8s-airflow-apt
flock 9
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends "${missing[@]}"
