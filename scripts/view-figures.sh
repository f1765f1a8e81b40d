#!/usr/bin/env bash
# Measures what it costs to show a run on a terminal: a thousand agents at work, with the
# moving lines in a terminal and without.
#
#   SMOL_WF=target/release/smol-wf scripts/view-figures.sh
#
# Needs Linux and tmux. Prints the lines of `docs/performance.md`.
set -euo pipefail
program=$(realpath "${SMOL_WF:-target/release/smol-wf}")
place=$(mktemp -d)
tmux() { command tmux -S "$place/tmux" "$@"; }
trap 'tmux kill-server 2> /dev/null || true; rm -rf "$place"' EXIT
unset CI
export HOME="$place" SMOL_WF_DB="$place/runs.db" TERM=xterm-256color LC_ALL=C.UTF-8
cd "$place"
meta="export const meta = { name: 'figures', description: 'Waits' }"
printf '%s\n' "$meta" "phase('Wait')" \
  "return parallel(Array.from({ length: 1000 }, (_, i) => () => agent('agent ' + i)))" > s.mjs

seconds=${SECONDS_MEASURED:-20}
run="exec $program run s.mjs --agent-provider debug --debug-rule '*=delay:10m' --max-parallel-agents 1000"
cpu_us() { cat "/proc/$1"/task/*/schedstat | awk '{ sum += $1 } END { print int(sum / 1000) }'; }
measure() {
  until "$program" ps --json 2> /dev/null | grep -q '"agentsAtWork": 1000'; do sleep 0.2; done
  local before after
  before=$(cpu_us "$2")
  sleep "$seconds"
  after=$(cpu_us "$2")
  echo "1,000 agents at work, $1: $(((after - before) / seconds)) µs of CPU a second"
}

tmux -f /dev/null new-session -d -x 120 -y 45 "echo \$\$ > pid; $run"
until [ -s pid ]; do sleep 0.05; done
measure "with moving lines" "$(cat pid)"
tmux capture-pane -p | grep -m1 ' running'
tmux kill-server
rm pid
sh -c "echo \$\$ > pid; $run" > /dev/null 2> log &
until [ -s pid ]; do sleep 0.05; done
measure "without a terminal" "$(cat pid)"
kill "$(cat pid)"
wait
