#!/usr/bin/env bash
# Compiles the types for script authors against their tests.
set -euo pipefail
cd "$(dirname "$0")/../ts/sdk"

if ! command -v npm >/dev/null 2>&1; then
  if [[ -n "${CI:-}" ]]; then
    echo "check-sdk: npm is missing; install Node.js 20 or newer" >&2
    exit 1
  fi
  echo "check-sdk: skipped: npm is missing" >&2
  exit 0
fi
npm ci --silent --no-audit --no-fund
npm test --silent
echo "check-sdk: the types hold"
