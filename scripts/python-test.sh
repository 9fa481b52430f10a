#!/usr/bin/env bash
# Checks the Python package with ruff and mypy and runs its tests against the very packages of the Airflow image; or, if
# the first argument is `--airflow2`, those that depend on Airflow's version against those of Airflow 2. Makes itself a
# virtual environment under the cache, once per set of pinned packages. Other arguments go to pytest; `--python` only
# prints the path of the interpreter.
# shellcheck source=scripts/images/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/images/lib.sh"

readonly TEST_PINS=$PROJECT/python/requirements-test.txt
readonly CONTRACT=$PROJECT/python/src/airflow_pod_launcher/_contract.py

# What Airflow's version makes a difference to.
readonly VERSION_TESTS=(tests/test_{adoption,airflow2,cluster,executor,guard,helm_operator,job_operator,launches,pod_decorator,pod_deferral,pod_operator,pod_trigger,spark_application_operator,spark_operator,trigger_log,yaml_operator}.py)

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
if [[ ${1:-} == --airflow2 ]]; then
  shift
  [[ $* == *tests/* ]] || set -- "${VERSION_TESTS[@]}" "$@"
  bin=$(environment base2)/bin
  exec "$bin/pytest" -m 'not airflow3' "$@"
fi
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy"
exec "$bin/pytest" "$@"
