#!/usr/bin/env bash
# Runs the required tests of the official JSON Schema suite, for every supported draft,
# as agent({schema}) does. The suite comes from the sources of the Python package
# jsonschema, which contains it; the npm package @json-schema-org/tests only names a
# git repository.
set -euo pipefail
cd "$(dirname "$0")/.."

source scripts/versions
version=$jsonschema digest=$jsonschema_sha256
folder="${CARGO_TARGET_DIR:-target}/schema-suite"
archive="$folder/jsonschema-$version.tar.gz"

skip() {
  if [[ -n "${CI:-}" ]]; then
    echo "schema-suite: $1" >&2
    exit 1
  fi
  echo "schema-suite: skipped: $1" >&2
  exit 0
}

if [[ ! -f "$archive" ]]; then
  mkdir -p "$folder"
  python3 -m pip download --quiet --no-deps --no-binary jsonschema \
    --dest "$folder" "jsonschema==$version" || skip "pip cannot download jsonschema $version"
fi
sha256sum --check --quiet <<<"$digest  $archive"
tar -xzf "$archive" -C "$folder" "jsonschema-$version/json/tests"
cargo run --quiet --locked -p smol-wf-core --example schema_suite -- \
  "$folder/jsonschema-$version/json/tests"
