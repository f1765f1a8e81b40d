#!/usr/bin/env bash
# Drives `smol-wf mcp` with the official clients in TypeScript, the older one and the
# newer one, over stdio and over HTTP.
#
#   scripts/mcp-clients.sh
#
# SMOL_WF names another program than the one that it builds. The clients are installed
# once into $MCP_CLIENTS_CACHE, by default target/mcp-clients.
# Exit codes: 0 all hold; 1 some do not; 77 they cannot be run here.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/versions

cannot() { echo "mcp-clients: skipped: $*" >&2; exit 77; }

command -v npm >/dev/null 2>&1 || cannot "npm is not installed"
cache=${MCP_CLIENTS_CACHE:-target/mcp-clients}
if [[ $(cat "$cache/versions" 2>/dev/null) != "${mcp_clients[*]}" ]]; then
  rm -rf "$cache"
  mkdir -p "$cache"
  echo '{"private": true}' >"$cache/package.json"
  (cd "$cache" && npm install --ignore-scripts --no-audit --no-fund --loglevel=error "${mcp_clients[@]}") ||
    cannot "the clients cannot be installed"
  echo "${mcp_clients[*]}" >"$cache/versions"
fi
if [[ -z ${SMOL_WF:-} ]]; then
  cargo build --workspace --locked --quiet
  SMOL_WF=target/debug/smol-wf
fi
SMOL_WF=$(realpath "$SMOL_WF")
export SMOL_WF
# Packages are found from the folder of a module.
cp scripts/mcp-clients/*.mjs "$cache/"
exec node "$cache/main.mjs"
