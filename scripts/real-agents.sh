#!/usr/bin/env bash
# Drives the real Claude Code, Codex, opencode and pi through smol-wf, against
# scripts/mock-llm, where no other network is: docs/agents.md says how.
#
#   scripts/real-agents.sh [--install-only | --measure] [--smoke] [--acp] [--newest]
#                          [--agent NAME]... [--case NAME]... [--keep]
#
# The agents, some 1.4 GB, are installed once into $REAL_AGENTS_CACHE, by default
# target/agents; those of --acp are 1 GB more, and the newest versions of the first
# four another 1.4 GB. SMOL_WF names another program than the one that it builds,
# REAL_AGENTS_TESTS another folder of tests.
# Exit codes: 0 all cases hold; 1 some do not; 77 they cannot be run here.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${REAL_AGENTS_CACHE:-target/agents}
source scripts/versions

say() { echo "real-agents: $*" >&2; }
cannot() { say "skipped: $*"; exit 77; }

npm_quiet=(--ignore-scripts --no-audit --no-fund --loglevel=error)

# Into a folder: Claude Code, Codex, opencode and pi, in these versions. Scripts
# of packages are not run on installation; these two only put the program of this
# machine into its place.
install_four() {
  local into=$1 claude=$2 codex=$3 opencode=$4 pi=$5
  rm -rf "$into"
  mkdir -p "$into/bin"
  (
    cd "$into"
    echo '{"private": true}' >package.json
    npm install "${npm_quiet[@]}" "@anthropic-ai/claude-code@$claude" "@openai/codex@$codex" \
      "opencode-ai@$opencode" "node-linux-$(npm_arch)@$node"
    node node_modules/@anthropic-ai/claude-code/install.cjs
    (cd node_modules/opencode-ai && node postinstall.mjs)
    # Not with `npm install`: its program is one file, and some of the packages
    # that it names are not available.
    npm pack --silent --loglevel=error "@earendil-works/pi-coding-agent@$pi" >/dev/null
    mkdir pi && tar -xzf earendil-works-pi-coding-agent-*.tgz -C pi && rm ./*.tgz
    cd pi/package
    mv package.json package.json.of-pi
    echo '{"private": true}' >package.json
    npm install "${npm_quiet[@]}" "jiti@$jiti" "typebox@$typebox"
    mv package.json.of-pi package.json
    chmod +x dist/bundle/cli.js
  )
  local name
  for name in claude codex opencode; do ln -s "../node_modules/.bin/$name" "$into/bin/$name"; done
  ln -s "../node_modules/node-linux-$(npm_arch)/bin/node" "$into/bin/node"
  ln -s ../pi/package/dist/bundle/cli.js "$into/bin/pi"
}

install_acp() {
  rm -rf "$cache/acp"
  mkdir -p "$cache/acp"
  (
    cd "$cache/acp"
    echo '{"private": true}' >package.json
    npm install "${npm_quiet[@]}" "${acp[@]}"
  )
}

newest() { npm view --loglevel=error "$1" version; }

# Installs into $1, unless it has these versions ($2) already.
have() {
  local where=$1 versions=$2
  shift 2
  [[ $(cat "$where/versions" 2>/dev/null) != "$versions" ]] || return 0
  say "installing into $where: $versions"
  # Not in a condition: there, `set -e` would have no effect.
  set +e
  (set -e; "$@")
  local installed=$?
  set -e
  [[ $installed == 0 ]] || cannot "the agents cannot be installed"
  echo "$versions" >"$where/versions"
}

asks_for() {
  local what=$1 word
  shift
  for word in "$@"; do [[ $word != $what ]] || return 0; done
  return 1
}

npm_arch() { case $(uname -m) in x86_64) echo x64 ;; aarch64) echo arm64 ;; *) uname -m ;; esac; }

# A namespace without any interface but the loopback, as root or as a user.
alone() {
  if unshare -n true 2>/dev/null; then
    unshare -n "$@"
  else
    unshare --map-current-user --keep-caps -n "$@"
  fi
}

[[ $(uname -s) == Linux ]] || cannot "only Linux can take the network away from a process"
for tool in npm node python3 git unshare tar; do
  command -v "$tool" >/dev/null 2>&1 || cannot "\`$tool\` is not installed"
done
unshare -n true 2>/dev/null || unshare --map-current-user --keep-caps -n true 2>/dev/null ||
  cannot "no network namespace: it needs root, or user namespaces"

four="claude $claude codex $codex opencode $opencode pi $pi node $node jiti $jiti typebox $typebox"
have "$cache" "$four" install_four "$cache" "$claude" "$codex" "$opencode" "$pi"
if asks_for '--acp' "$@" || asks_for 'acp-*' "$@"; then
  have "$cache/acp" "${acp[*]}" install_acp
fi
if asks_for '--newest' "$@" || asks_for '*-new' "$@"; then
  found=("$(newest @anthropic-ai/claude-code)" "$(newest @openai/codex)" "$(newest opencode-ai)"
    "$(newest @earendil-works/pi-coding-agent)") || cannot "the registry does not answer"
  have "$cache/new" "${found[*]}" install_four "$cache/new" "${found[@]}"
fi
! asks_for '--install-only' "$@" || exit 0

program=${SMOL_WF:-}
if [[ -z $program ]]; then
  cargo build --workspace --locked --quiet
  program=target/debug/smol-wf
fi
alone python3 -B "${REAL_AGENTS_TESTS:-scripts/real-agents}" --smol-wf "$program" --agents "$cache" "$@"
