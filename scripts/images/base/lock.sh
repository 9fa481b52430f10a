#!/usr/bin/env bash
# Pins every package of the base images' requirements.in anew. Run it to take newer ones; two builds of one lock hold the
# same packages.
# shellcheck source=scripts/images/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for folder in base base2; do
  "$(tools)/bin/uv" pip compile --quiet --upgrade --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
    --output-file "$folder/requirements.txt" "$folder/requirements.in"
done
