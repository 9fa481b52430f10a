#!/usr/bin/env bash
# Builds the Python wheel, with the bundled runtime and the contract in it, into dist/packages and prints its path.
# The same sources give the same bytes.
# shellcheck source=scripts/images/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../images/lib.sh"

[[ -x $PROJECT/node_modules/.bin/esbuild ]] || die 'the npm packages are missing: npm ci'
venv=$(tools)
mkdir -p "$PROJECT/dist" "$TMPDIR"
exec 8>"$PROJECT/dist/.wheel.lock"
flock 8

PATH=$PROJECT/node_modules/.bin:$PATH node "$PROJECT/scripts/runtime/bundle.mjs" >&2

# From a copy, so that no cache of Python's and no file mode of this checkout ends up in the wheel.
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/python"
cp "$PROJECT/package.json" "$stage/"
tar -C "$PROJECT/python" --exclude=__pycache__ --exclude=_runtime -cf - pyproject.toml README.md src | tar -C "$stage/python" -xf -
# With it, where there are any, the licences of what it bundles.
mkdir "$stage/python/src/airflow_pod_launcher/_runtime"
cp "$PROJECT/dist/runtime/"pod-launcher.cjs* "$stage/python/src/airflow_pod_launcher/_runtime/"
find "$stage/python" -type f -exec chmod 0644 {} +

# 1980: the oldest time that a zip file can hold.
(cd "$stage/python" && SOURCE_DATE_EPOCH=315532800 "$venv/bin/hatchling" build --target wheel --directory "$stage/out" >/dev/null)
mkdir -p "$PROJECT/dist/packages"
wheel=$(basename "$stage"/out/*.whl)
find "$PROJECT/dist/packages" -name 'airflow_provider_pod_launcher-*.whl' ! -name "$wheel" -delete
mv "$stage/out/$wheel" "$PROJECT/dist/packages/$wheel"
echo "$PROJECT/dist/packages/$wheel"
