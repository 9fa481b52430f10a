#!/usr/bin/env bash
# Checks the Python package with ruff and mypy and runs its tests against the very packages of the Airflow images: all of
# them with Airflow 3, and with Airflow 2 those that depend on the version. Makes itself a virtual environment for each
# under the cache, once per set of pinned packages. Arguments go to pytest; with any, only Airflow 3 is tested, or only
# Airflow 2 if the first one is `--airflow2`. `--python` only prints the path of the interpreter that has Airflow 3.
# shellcheck source=scripts/images/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/images/lib.sh"

readonly TEST_PINS=$PROJECT/python/requirements-test.txt
readonly CONTRACT=$PROJECT/python/src/airflow_pod_launcher/_contract.py

# What Airflow's version makes a difference to.
readonly VERSION_TESTS=(tests/test_{adoption,airflow2,executor,guard,launches}.py)

# environment FOLDER: with the packages that the base image of this folder holds.
environment() {
  local pins=$PROJECT/scripts/images/$1/requirements.txt venv
  venv=$(dirname "$CACHE")/python-$(cat "$pins" "$TEST_PINS" <(python3 --version) | sha)
  if [[ ! -e $venv/.complete ]]; then
    local build
    build=$(tools)
    say 'installing the packages for the Python tests'
    rm -rf "$venv"
    "$build/bin/uv" venv -q --python "$(command -v python3)" "$venv" >&2
    "$build/bin/uv" pip install -q --compile-bytecode --python "$venv/bin/python" -r "$pins" -r "$TEST_PINS" >&2
    touch "$venv/.complete"
  fi
  echo "$venv"
}

mkdir -p "$TMPDIR"
versions=(3 2)
if [[ ${1-} == --airflow2 ]]; then
  versions=(2)
  shift
elif (($#)); then
  versions=(3)
fi
bin=$(environment base)/bin
[[ -e $PROJECT/dist/lib/scripts/contract.js ]] || bash "$PROJECT/scripts/bootstrap.sh"
node "$PROJECT/dist/lib/scripts/contract.js" "$CONTRACT"
# For tests of other parts that run some of the package.
if [[ ${1:-} == --python ]]; then
  echo "$bin/python"
  exit
fi

# Nothing of this run is left in the checkout.
export PYTHONDONTWRITEBYTECODE=1 RUFF_NO_CACHE=true MYPY_CACHE_DIR=$CACHE/tmp/mypy
cd "$PROJECT/python"
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy"
[[ ${versions[*]} != *3* ]] || "$bin/pytest" "$@"
if [[ ${versions[*]} == *2* ]]; then
  (($#)) || set -- "${VERSION_TESTS[@]}"
  "$(environment base2)/bin/pytest" -m 'not airflow3' "$@"
fi
