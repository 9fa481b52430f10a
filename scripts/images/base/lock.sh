#!/usr/bin/env bash
# Pins every package of the base images' requirements.in anew. Run it to take newer ones; two builds of one lock hold the
# same packages.
# shellcheck source=scripts/images/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for folder in base base2 spark; do
  options=()
  # A download that is unpacked as it is: py4j is in it.
  [[ $folder != spark ]] || options=(--generate-hashes --no-deps)
  "$(tools)/bin/uv" pip compile --quiet --upgrade --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
    "${options[@]}" --output-file "$folder/requirements.txt" "$folder/requirements.in"
done
