#!/usr/bin/env bash
# Measures how soon a run in the background hears of a message, and what waiting costs.
#
#   SMOL_WF=target/release/smol-wf scripts/live-figures.sh
#
# Needs Linux and python3. Prints one line for each figure of `docs/performance.md`.
set -euo pipefail
program=$(realpath "${SMOL_WF:-target/release/smol-wf}")
place=$(mktemp -d)
export HOME="$place/home" SMOL_WF_DB="$place/runs.db"
trap 'rm -rf "$place"' EXIT
mkdir -p "$HOME/.config/smol-workflows"
cd "$place"

# An agent that ignores SIGTERM, so that it is killed after the grace.
printf '#!/bin/sh\ntrap "" TERM\ncat > /dev/null\nwhile :; do sleep 1; done\n' > agent.sh
chmod +x agent.sh
cat > "$HOME/.config/smol-workflows/config.toml" <<SETTINGS
provider = 'mine'
[providers.mine]
kind = 'command'
command = ['$place/agent.sh']
SETTINGS
meta="export const meta = { name: 'figures', description: 'Waits' }"
printf '%s\n' "$meta" "return parallel(Array.from({ length: 16 }, (_, i) => () => agent('p' + i)))" > agents.mjs
printf '%s\n' "$meta" "return SW.extra.ask('Name?', { timeout: '1h' })" > asks.mjs

ps() { "$program" ps --json 2>/dev/null; }
until_gone() { while ps | grep -q "$1"; do sleep 0.01; done; }
now_ms() { date +%s%3N; }

run=$("$program" run agents.mjs --detach 2>/dev/null)
until ps | grep -q '"agentsAtWork": 16'; do sleep 0.05; done
for limit in $(seq 17 36); do
  "$program" raise "$run" --max-parallel-agents "$limit" 2>/dev/null
done
"$program" pause "$run" --now 2>/dev/null
began=$(now_ms)
until_gone "$run"
echo "16 agents that ignore SIGTERM: run released $(($(now_ms) - began)) ms after pause --now"
python3 - "$SMOL_WF_DB" <<'PYTHON'
import json, sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute("SELECT body FROM journal WHERE kind = 'message_taken'")
took = sorted((entry["at_us"] - entry["posted_us"]) / 1000 for (body,) in rows for entry in [json.loads(body)])
print(f"from post to journal with 16 agents at work: median {took[len(took) // 2]:.0f} ms, longest {took[-1]:.0f} ms of {len(took)}")
PYTHON

run=$("$program" run asks.mjs --detach 2>/dev/null)
until ps | grep -q '"process"'; do sleep 0.05; done
process=$(ps | python3 -c 'import json, sys; print(json.load(sys.stdin)["runs"][0]["process"])')
cpu_us() { cat "/proc/$process"/task/*/schedstat | awk '{ sum += $1 } END { print int(sum / 1000) }'; }
before=$(cpu_us)
sleep 60
echo "a run that waits for an answer: $((($(cpu_us) - before) / 1000)) ms of CPU a minute"
began=$(now_ms)
"$program" answer "$run" Ada 2>/dev/null
until_gone "$run"
echo "answered while its process lives: over after $(($(now_ms) - began)) ms"

sed -i "s/, { timeout: '1h' }//" asks.mjs
run=$("$program" run asks.mjs --output none 2>&1 | sed -n 's/^run \(run_[a-z0-9]*\) .*/\1/p' || true)
began=$(now_ms)
"$program" answer "$run" Ada > answer.log 2>&1
until_gone "$run"
echo "answered after its process had ended: over after $(($(now_ms) - began)) ms"
