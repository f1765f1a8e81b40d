#!/usr/bin/env bash
# Installs the packages of npm from a release without a network, and tests that the program
# is started, hears signals, and ends as itself.
#
#   scripts/test-npm.sh DIR      a folder of scripts/release.sh
set -euo pipefail
cd "$(dirname "$0")/.."
files=$(realpath "$1")
world=$(mktemp -d)
trap 'rm -rf "$world"' EXIT
die() { echo "test-npm: $*" >&2; exit 1; }

export HOME=$world SMOL_WF_DB=$world/runs.db npm_config_update_notifier=false
cd "$world"
echo '{ "name": "user", "private": true }' >package.json
npm install --silent --offline --no-audit --no-fund "$files"/smol-wf-cli-*.tgz
smol_wf=$world/node_modules/.bin/smol-wf

version=$(sed -n 's/^ *"version": "\(.*\)",/\1/p' node_modules/@smol-wf/cli/package.json)
[[ $("$smol_wf" --version) == "smol-wf $version" ]] || die 'another version'
code=0
"$smol_wf" run nothing 2>/dev/null || code=$?
[[ $code == 3 ]] || die "a missing workflow ends with $code, not 3"
# stdin, stdout and arguments are those of the program.
said=$(echo "export const meta = { name: 'n', description: 'd' }; return args.word" |
  "$smol_wf" run - --agent-provider debug --args '{"word": "a b"}' 2>/dev/null)
[[ $said == *'"result": "a b"'* ]] || die "a script of stdin said: $said"

# A signal to the one process that who started it knows, and Ctrl-C in a terminal.
python3 - "$smol_wf" <<'END' || die 'signals are not as without npm'
import os, pty, signal, subprocess, sys

script = "export const meta = { name: 'long', description: 'd' }; await SW.extra.sleep(600_000)"
open("long.js", "w").write(script)
command = [sys.argv[1], "run", "long.js", "--agent-provider", "debug"]

one = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
assert one.stderr.readline().startswith("run "), "it did not start"
one.send_signal(signal.SIGTERM)
rest = one.stderr.read()
assert one.wait() == 143, (one.returncode, rest)
assert rest.count("resume: smol-wf resume") == 1, rest

pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
said = b""
while b"run run_" not in said:
    said += os.read(terminal, 4096)
os.write(terminal, b"\x03")
try:
    while piece := os.read(terminal, 4096):
        said += piece
except OSError:
    pass  # The terminal is closed.
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert code == 130, (code, said.decode())
assert b"resume: smol-wf resume" in said, said.decode()
END

rm -r node_modules/@smol-wf/cli-linux-x64
code=0
said=$("$smol_wf" list 2>&1) || code=$?
[[ $code == 1 && $said == *'npm install @smol-wf/cli-linux-x64@'* ]] || die "without the program: $code, $said"
echo "test-npm: the packages install without a network, and the program is itself"
