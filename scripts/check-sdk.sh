#!/usr/bin/env bash
# Compiles the types for script authors against their tests, the examples, the
# README and what the program writes.
#
#   scripts/check-sdk.sh
#
# SMOL_WF names another program than the one that it builds.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v npm >/dev/null 2>&1; then
  if [[ -n "${CI:-}" ]]; then
    echo "check-sdk: npm is missing; install Node.js 20 or newer" >&2
    exit 1
  fi
  echo "check-sdk: skipped: npm is missing" >&2
  exit 0
fi
if [[ -z ${SMOL_WF:-} ]]; then
  cargo build --workspace --locked --quiet
  SMOL_WF=target/debug/smol-wf
fi
SMOL_WF=$(realpath "$SMOL_WF")
export SMOL_WF
cd ts/sdk
npm ci --silent --no-audit --no-fund
npm test --silent
echo "check-sdk: the types hold"
