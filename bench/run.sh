#!/usr/bin/env bash
# The benchmark: builds what it measures, sees that the cluster is up, holds it alone and runs. Arguments: --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ${1:-} != --locked ]]; then
  bash scripts/bootstrap.sh --cluster
  PATH=$PWD/node_modules/.bin:$PATH
  tsc -p bench/tsconfig.json
  # Before a cluster is started for them.
  node dist/bench/bench/check-options.js "$@"
  [[ " $* " != *" --help "* ]] || exit 0
  scripts/cluster/cluster.sh up --kwok
  # Nothing else may use the cluster while it is measured.
  exec bash scripts/cluster/cluster.sh lock -- bash bench/run.sh --locked "$@"
fi
shift
PATH=$PWD/node_modules/.bin:$PATH
node scripts/runtime/bundle.mjs
npm run --silent build
python=$(bash bench/executors/environment.sh)
exec node dist/bench/bench/main.js --python "$python/bin/python" "$@"
