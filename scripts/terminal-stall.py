#!/usr/bin/env python3
"""Proves that a terminal that stands still holds nothing up and costs no memory.

    scripts/terminal-stall.py [PROGRAM]      (default: target/debug/smol-wf)

A run of a million events shows its progress in a terminal (tmux), in which somebody presses
Ctrl-S for at least a minute. The run must end meanwhile, with no more memory than one whose
terminal reads everything, and Ctrl-Q must show the rest. Exits 1 if that does not hold.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# Each agent is queued, starts and ends. As many lines of log() as a run may have.
AGENTS = int(os.environ.get("STALL_AGENTS", "270000"))
LINES = min(200_000, AGENTS)
EVENTS = 3 * AGENTS + LINES
STALLED_SECONDS = 60
# The moving lines are redrawn at other moments.
GROWTH_MAX = 1.15
HUNG_SECONDS = 3_600

SCRIPT = f"""export const meta = {{ name: 'many', description: 'd' }}
for (let i = 0; i < {LINES}; i += 1000) {{
  for (let line = i; line < i + 1000; line++) log('line ' + line)
  await agent('part ' + i)
}}
for (let i = 0; i < {AGENTS}; i += 1000) {{
  await parallel(Array.from({{ length: 1000 }}, (_, n) => () => agent('a' + (i + n))))
}}
"""


class Stalled:
    """A terminal with the run in it."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder, self.socket = program, folder, folder / "tmux"
        (folder / "many.js").write_text(SCRIPT)
        words = [program, "run", "many.js", "--agent-provider", "debug", "--output", "none",
                 "--max-agents", str(AGENTS + LINES), "--max-journal", "4096", "--max-parallel-agents", "64"]
        line = f"echo $$ >pid; exec {shlex.join(words)}"
        self.environment = {**os.environ, "SMOL_WF_DB": str(folder / "runs.db"), "HOME": str(folder),
                            "TERM": "xterm-256color"}
        self.environment.pop("CI", None)
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30",
                  f"sh -c {shlex.quote(line)}; echo code $?; sleep 600")

    def tmux(self, *words: str) -> str:
        command = ["tmux", "-u", "-S", str(self.socket), *words]
        return subprocess.run(command, check=False, capture_output=True, text=True,
                              env=self.environment, cwd=self.folder).stdout

    def text(self) -> str:
        return self.tmux("capture-pane", "-p")

    def state(self) -> str:
        listed = subprocess.run([self.program, "history", "--json"], check=True, capture_output=True,
                                env=self.environment, cwd=self.folder).stdout
        runs = json.loads(listed)["runs"]
        return runs[0]["state"] if runs else "not there"

    def peak_mib(self) -> float:
        """The most memory that the process ever held; 0 once it has ended."""
        try:
            status = Path(f"/proc/{(self.folder / 'pid').read_text().strip()}/status").read_text()
        except FileNotFoundError:
            return 0
        held = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(held[0]) / 1024 if held else 0


def wait(what: str, holds: Callable[[], bool], look: Callable[[], None] = lambda: None) -> float:
    """Waits until this holds; returns the seconds."""
    began = time.monotonic()
    while not holds():
        look()
        if time.monotonic() - began > HUNG_SECONDS:
            sys.exit(f"not within {HUNG_SECONDS} s: {what}")
        time.sleep(0.5)
    return time.monotonic() - began


def run(program: str, is_stalled: bool) -> float:
    """A whole run. Returns the most memory of its process, in MiB."""
    with tempfile.TemporaryDirectory() as name:
        stalled = Stalled(program, Path(name))
        try:
            wait("the run shows its progress", lambda: "running" in stalled.text())
            peak = 0.0

            def look() -> None:
                nonlocal peak
                peak = max(peak, stalled.peak_mib())

            began = time.monotonic()
            if is_stalled:
                stalled.tmux("send-keys", "C-s")
            wait("the run ends", lambda: stalled.state() == "completed", look)
            look()
            if is_stalled:
                rest = STALLED_SECONDS - (time.monotonic() - began)
                if rest > 0:
                    time.sleep(rest)
                look()
                if "code 0" in stalled.text():
                    sys.exit("the terminal did not stand still")
                print(f"stood still for {time.monotonic() - began:.0f} s, until the run had ended", flush=True)
                stalled.tmux("send-keys", "C-q")
            wait("the process ends", lambda: "code 0" in stalled.text(), look)
            return peak
        finally:
            stalled.tmux("kill-server")


def main() -> None:
    project = Path(__file__).resolve().parent.parent
    program = str(Path(sys.argv[1] if len(sys.argv) > 1 else project / "target/debug/smol-wf").resolve())
    read = run(program, False)
    unread = run(program, True)
    if not read or not unread or unread > GROWTH_MAX * read:
        sys.exit(f"unread it took {unread:.0f} MiB, read {read:.0f} MiB")
    print(f"terminal: {EVENTS:,} events, {unread:.0f} MiB with a terminal that stands still, "
          f"{read:.0f} MiB with one that reads")


if __name__ == "__main__":
    main()
