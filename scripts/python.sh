#!/usr/bin/env bash
# Checks the Python of this repository: the tests of its parsers, types, lints.
# mypy and ruff are installed into target/python, in the versions of scripts/versions.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/versions

# Each folder is one program, whose modules import each other by their bare names.
programs=(scripts/durability scripts/mock-llm scripts/real-agents scripts)
# Programs of one file.
files=(scripts/function-order.py scripts/large-journal.py scripts/test_function_order.py
  scripts/site_links.py scripts/test_site_links.py
  host/providers/tests/fake/acp host/providers/tests/fake/opencode)

for program in "${programs[@]}"; do
  (cd "$program" && python3 -B -m unittest --quiet)
done
echo "python: the tests pass"

tools=${CARGO_TARGET_DIR:-target}/python
wanted="$(python3 --version) mypy $mypy ruff $ruff"
if [[ $(cat "$tools/versions" 2>/dev/null) != "$wanted" ]]; then
  rm -rf "$tools"
  if ! { python3 -m venv "$tools" && "$tools/bin/pip" install --quiet "mypy==$mypy" "ruff==$ruff"; }; then
    echo "python: mypy $mypy and ruff $ruff cannot be installed into $tools" >&2
    [[ -z ${CI:-} ]] || exit 1
    echo "python: skipped: types and lints" >&2
    exit 0
  fi
  echo "$wanted" >"$tools/versions"
fi
tools=$(cd "$tools" && pwd)
settings=$PWD/scripts/pyproject.toml

types() { "$tools/bin/mypy" --no-error-summary --config-file "$settings" --cache-dir "$tools/cache" "$@"; }
for program in "${programs[@]}"; do
  [[ $program == scripts ]] || (cd "$program" && types .)
done
(cd scripts/harness && MYPYPATH=../real-agents types .)
types scripts/durability/workloads/reader.py
for file in "${files[@]}"; do types "$file"; done
"$tools/bin/ruff" check --quiet --no-cache --config "$settings" scripts "${files[@]}"
echo "python: types and lints hold"
