#!/usr/bin/env python3
"""Measures the terminal UI in a real terminal (tmux).

    scripts/tui-figures.py [PROGRAM]      (default: target/release/smol-wf)

Prints how long frames take while 50,000 recorded events are replayed, without and with a
search, when the first full frame of a run of 10,000 steps is there, counted from the start
of the process to the last byte of the frame, and the part of one core that watching 1,000
agents at work takes.
"""

import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

EVENTS = 50_000
STEPS = 10_000
AGENTS = 1_000
WATCHED_SECONDS = 20
ATTACHES = 11
META = "export const meta = { name: 'n', description: 'd' }\n"


def until(what: str, holds, seconds: float = 300) -> None:
    """Waits until this holds."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"not within {seconds} s: {what}")
        time.sleep(0.05)


class Screen:
    """A terminal of 120 columns and 40 rows."""

    def __init__(self, folder: Path, line: str, environment: dict[str, str]) -> None:
        self.socket = folder / "tmux"
        self.tmux("kill-server")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40",
                  f"{line}; sleep 600", env=environment, cwd=folder)

    def tmux(self, *words: str, **options) -> str:
        command = ["tmux", "-u", "-S", str(self.socket), *words]
        return subprocess.run(command, check=False, capture_output=True, text=True, **options).stdout

    def text(self) -> str:
        return self.tmux("capture-pane", "-pJ", "-S", "-")

    def leave(self) -> str:
        """Leaves the TUI, and returns what it says about its frames."""
        self.tmux("send-keys", "q")
        until("the figures are printed", lambda: "first frame after" in self.text())
        lines = [line for line in self.text().splitlines() if "first frame after" in line]
        self.tmux("kill-server")
        return lines[-1]


def stream(path: Path) -> None:
    """Writes a stream of a run with many agents, each with some activities."""
    lines: list[str] = []

    def event(kind: str, data: dict, step: int | None = None) -> None:
        number = len(lines)
        metadata = {"runId": "run_00000000000000000000000001", "workflowDepth": 0}
        if step is not None:
            metadata["stepId"] = str(step)
        lines.append(json.dumps({"v": 1, "type": f"workflow.{kind}", "seq": number + 1,
                                 "elapsedNanos": number * 1_000_000, "metadata": metadata,
                                 "data": data}))

    event("started", {"name": "n", "description": "d", "phases": None, "script": "s.js"})
    step = 0
    while len(lines) < EVENTS - 1:
        step += 1
        about = {"label": f"file:{step}", "phase": f"P{step % 5}"}
        event("agent_queued", {**about, "model": None}, step)
        event("agent_started", {**about, "model": None, "prompt": "p" * 500, "attempt": 1}, step)
        for tool in range(4):
            event("agent_event", {"kind": "tool", "text": f"bash step {tool}"}, step)
        event("log", {"message": f"file {step} is done"})
        event("agent_completed", {**about, "usage": {"inputTokens": 9, "outputTokens": 3},
                                  "model": "m", "durationMs": 5, "costUsd": 0.01, "attempts": 1,
                                  "output": "o" * 500}, step)
    event("result", {"result": None})
    path.write_text("\n".join(lines) + "\n")


def first_frame(command: list[str], environment: dict[str, str], shown: bytes) -> tuple[float, float]:
    """Seconds from the start of a process to its first frame, and its CPU seconds until
    then. The frame must have this text."""
    began = time.monotonic()
    process, terminal = pty.fork()
    if process == 0:
        os.execve(command[0], command, environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    read = b""
    # The frame ends where the terminal is told to show it.
    while b"\x1b[?2026l" not in read[max(read.find(shown), 0):] or shown not in read:
        if not select.select([terminal], [], [], 60)[0]:
            sys.exit(f"no frame within a minute: {read[-500:]!r}")
        read += os.read(terminal, 65536)
    took, cpu = time.monotonic() - began, cpu_seconds(process)
    os.kill(process, signal.SIGTERM)
    while True:
        try:
            if not os.read(terminal, 65536):
                break
        except OSError:
            break
    os.waitpid(process, 0)
    os.close(terminal)
    return took, cpu


def cpu_seconds(process: int) -> float:
    """CPU that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    project = Path(__file__).resolve().parent.parent
    named = sys.argv[1] if len(sys.argv) > 1 else project / "target/release/smol-wf"
    program = str(Path(named).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "SMOL_WF_DB": str(folder / "runs.db"), "TERM": "xterm-256color",
                       "LC_ALL": "C.UTF-8", "HOME": name}

        def run(*words: str) -> str:
            done = subprocess.run([program, *words], env=environment, cwd=folder, check=True,
                                  capture_output=True, text=True)
            return done.stdout.strip()

        stream(folder / "events.jsonl")
        line = f"{program} tui replay events.jsonl --max-delay 0s --timings"
        screen = Screen(folder, line, environment)
        until("the replay ends", lambda: "replay, end" in screen.text())
        print(f"replay of {EVENTS} events: {screen.leave()}", flush=True)

        # The search is typed before the stream is there.
        os.mkfifo(folder / "stream")
        line = f"{program} tui replay ./stream --max-delay 0s --timings"
        screen = Screen(folder, line, environment)
        with open(folder / "stream", "wb") as to:
            until("the TUI waits", lambda: "no steps yet" in screen.text())
            screen.tmux("send-keys", "/", "bash step 3", "Enter")
            until("it searches", lambda: "search:" in screen.text())
            to.write((folder / "events.jsonl").read_bytes())
        until("the replay ends", lambda: "replay, end" in screen.text())
        print(f"the same while a text is looked for: {screen.leave()}", flush=True)

        (folder / "steps.js").write_text(
            META + f"await parallel(Array.from({{length: {STEPS}}}, (_, i) => () => "
            "agent('step ' + i, { label: 's' + i, phase: 'P' + i % 50 })))\n")
        run("run", "steps.js", "--agent-provider", "debug", "--max-agents", str(STEPS),
            "--max-parallel-agents", "64")
        screen = Screen(folder, f"{program} tui attach --timings", environment)
        until("all steps are shown", lambda: f"{STEPS:,}/{STEPS:,} steps" in screen.text())
        print(f"attach to {STEPS} steps: {screen.leave()}", flush=True)
        os.chdir(folder)
        # Of a later frame only the cells that changed are written: this word is whole in any.
        shown = b"completed"
        frames = [first_frame([program, "tui", "attach"], environment, shown) for _ in range(ATTACHES)]
        took, cpu = sorted(took for took, _ in frames), statistics.median(cpu for _, cpu in frames)
        print(f"the same from the start of the process: median {statistics.median(took) * 1000:.0f} ms, "
              f"least {took[0] * 1000:.0f} ms, most {took[-1] * 1000:.0f} ms of {ATTACHES}; "
              f"CPU {cpu * 1000:.0f} ms", flush=True)

        (folder / "live.js").write_text(
            META + f"await parallel(Array.from({{length: {AGENTS}}}, (_, i) => () => "
            "agent('agent ' + i, { label: 'a' + i })))\n")
        started = run("run", "live.js", "--agent-provider", "debug", "--detach", "--debug-rule",
                      "label:a*=delay:10m", "--max-parallel-agents", str(AGENTS))
        line = f"sh -c 'echo $$ >pid; exec {program} tui attach {started} --timings'"
        screen = Screen(folder, line, environment)
        until("all are at work", lambda: f"{AGENTS:,} working" in screen.text())
        process = int((folder / "pid").read_text())
        before = cpu_seconds(process)
        time.sleep(WATCHED_SECONDS)
        part = (cpu_seconds(process) - before) / WATCHED_SECONDS * 100
        print(f"{AGENTS} agents at work: {part:.1f} % of one core; {screen.leave()}", flush=True)
        run("cancel", started)


main()
