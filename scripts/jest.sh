#!/usr/bin/env bash
# jest with this project's Node: jest.sh ARGUMENT… . The flag lets it load packages that are ES modules only.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH=$root/node_modules/.bin:$PATH
export NODE_OPTIONS="${NODE_OPTIONS:-} --experimental-vm-modules --disable-warning=ExperimentalWarning"
cd "$root"
exec jest "$@"
