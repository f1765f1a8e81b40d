#!/usr/bin/env bash
# Drives the real Claude Code, Codex, opencode and pi through smol-wf, against
# scripts/mock-llm, where no other network is: docs/agents.md says how.
#
#   scripts/real-agents.sh [--install-only | --measure] [--agent NAME]... [--case NAME]... [--keep]
#
# The agents, some 1.4 GB, are installed once into $REAL_AGENTS_CACHE, by default
# target/agents. SMOL_WF names another program than the one that it builds.
# Exit codes: 0 all cases hold; 1 some do not; 77 they cannot be run here.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${REAL_AGENTS_CACHE:-target/agents}
claude=2.1.330 codex=0.169.0 opencode=1.18.33 pi=1.5.2 node=22.23.3
# What pi needs beside it to load an extension.
jiti=2.7.0 typebox=1.3.27
versions="claude $claude codex $codex opencode $opencode pi $pi node $node jiti $jiti typebox $typebox"

say() { echo "real-agents: $*" >&2; }
cannot() { say "skipped: $*"; exit 77; }

# Scripts of packages are not run on installation; these two only put the
# program of this machine into its place.
install() {
  rm -rf "$cache"
  mkdir -p "$cache/bin"
  (
    cd "$cache"
    npm_quiet=(--ignore-scripts --no-audit --no-fund --loglevel=error)
    echo '{"private": true}' >package.json
    npm install "${npm_quiet[@]}" "@anthropic-ai/claude-code@$claude" "@openai/codex@$codex" \
      "opencode-ai@$opencode" "node-linux-$(npm_arch)@$node"
    node node_modules/@anthropic-ai/claude-code/install.cjs
    (cd node_modules/opencode-ai && node postinstall.mjs)
    # Not by `npm install`: its program is one file, and some of the packages
    # that it names are not to be had.
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
  for name in claude codex opencode; do ln -s "../node_modules/.bin/$name" "$cache/bin/$name"; done
  ln -s "../node_modules/node-linux-$(npm_arch)/bin/node" "$cache/bin/node"
  ln -s ../pi/package/dist/bundle/cli.js "$cache/bin/pi"
  echo "$versions" >"$cache/versions"
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

if [[ $(cat "$cache/versions" 2>/dev/null) != "$versions" ]]; then
  say "installing the agents into $cache (some 1.4 GB)"
  # In a condition the shell would go on after a failure.
  set +e
  (set -e; install)
  installed=$?
  set -e
  [[ $installed == 0 ]] || cannot "the agents cannot be installed"
fi
[[ ${1:-} != --install-only ]] || exit 0

program=${SMOL_WF:-}
if [[ -z $program ]]; then
  cargo build --workspace --locked --quiet
  program=target/debug/smol-wf
fi
alone python3 -B scripts/real-agents --smol-wf "$program" --agents "$cache" "$@"
