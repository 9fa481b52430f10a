#!/usr/bin/env bash
# Prints the folder of a virtual environment with the packages of the Airflow image; makes it once per set of them.
# shellcheck source=scripts/images/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/images/lib.sh"

readonly PINS=$PROJECT/scripts/images/base/requirements.txt

mkdir -p "$TMPDIR"
venv=$(dirname "$CACHE")/bench-python-$(cat "$PINS" <(python3 --version) | sha)
if [[ ! -e $venv/.complete ]]; then
  build=$(tools)
  say 'installing Airflow for the benchmark'
  rm -rf "$venv"
  "$build/bin/uv" venv -q --python "$(command -v python3)" "$venv" >&2
  "$build/bin/uv" pip install -q --compile-bytecode --python "$venv/bin/python" -r "$PINS" >&2
  touch "$venv/.complete"
fi
echo "$venv"
