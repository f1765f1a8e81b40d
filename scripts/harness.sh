#!/usr/bin/env bash
# Installs ts/harness with the real Claude Code, Codex, opencode and pi, without a
# network, and looks whether their models hear of it.
#
#   scripts/harness.sh [--host NAME]... [--keep]
#
# Installs the hosts as scripts/real-agents.sh does, with its variables and codes.
set -euo pipefail
cd "$(dirname "$0")/.."
REAL_AGENTS_TESTS=scripts/harness exec scripts/real-agents.sh "$@"
