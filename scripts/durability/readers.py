"""Readers of stdout and stderr that stop reading, and a signal meanwhile.

Owns: the reader that stops, and the times. Never: checks a journal;
`place.check_resumed` does.
"""

import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterable

from place import HUNG, WORKLOADS, Entry, Outcome, Place, Wrong, check_resumed, expect, result

# Seconds of each agent; the reader stops for as many steps as fit into its time.
DELAY_S = 0.1
# How often a stopped run is checked, and how often a claim is tried.
LOOK_S = 0.05
THEFT_S = 2.0
# Most seconds from a signal to the end of the run.
HEARD_MAX_S = 1.0


# Most memory of the process with a stream of about 12 MB, read or not.
LOGGED_BYTES = 30_000
LOGGED_STEPS = 400
GROWTH_MAX = 1.15


class Reader:
    """A run whose reader of one stream stops after the first bytes."""

    def __init__(self, place: Place, stream: str, steps: int, delay_s: float = DELAY_S, **args: int) -> None:
        command = [place.program, "run", str(WORKLOADS / "talkative.mjs"), "--args", json.dumps({"steps": steps} | args),
                   "--debug-rule", f"*=delay:{int(delay_s * 1000)}ms"]
        if stream == "stdout":
            command += ["--events"]
        self.process = subprocess.Popen(
            command, cwd=place.dir, env=place.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        assert self.process.stdout and self.process.stderr
        self.pipes = {"stdout": self.process.stdout, "stderr": self.process.stderr}
        self.read = {"stdout": b"", "stderr": b""}
        self.stopped = stream
        while not self.read[stream]:
            self.take({stream})

    def take(self, streams: Iterable[str], wait: float = HUNG) -> bool:
        """Reads once of these streams. Says whether there was anything."""
        open_pipes = [self.pipes[name] for name in streams if not self.pipes[name].closed]
        ready, _, _ = select.select(open_pipes, [], [], wait)
        for name in streams:
            if self.pipes[name] in ready:
                part = os.read(self.pipes[name].fileno(), 65536)
                if not part:
                    self.pipes[name].close()
                self.read[name] += part
        return bool(ready)

    def others(self) -> set[str]:
        return {name for name in self.pipes if name != self.stopped and not self.pipes[name].closed}

    def drain(self) -> int:
        while any(not pipe.closed for pipe in self.pipes.values()):
            self.take({name for name in self.pipes if not self.pipes[name].closed})
        return self.process.wait(HUNG)


def stay_away(place: Place, reader: Reader, seconds: int) -> int:
    """Reads nothing of the stopped stream for so long, and checks that the run goes
    on and keeps its holder. Returns the steps that settled meanwhile."""
    before = steps_of(place)
    ends = time.monotonic() + seconds
    theft = time.monotonic() + THEFT_S
    while time.monotonic() < ends:
        others = reader.others()
        if others:
            reader.take(others, LOOK_S)
        else:
            time.sleep(LOOK_S)
        if time.monotonic() >= theft:
            theft = time.monotonic() + THEFT_S
            code, _, said = place.smol_wf("resume", "latest")
            expect(code == 3 and "run_held" in said, f"another process could take the run: exit {code}: {said}")
    return steps_of(place) - before


def steps_of(place: Place) -> int:
    return sum(entry.kind == "settled" for entry in place.journal())


def goes_on(program: str, stream: str, seconds: int) -> int:
    """The reader resumes. Returns the steps that settled without it."""
    # Enough for the run to outlast the reader's pause, on a busy machine as well.
    steps = int(seconds / DELAY_S) + 50
    with Place(program, "talkative") as place:
        reader = Reader(place, stream, steps)
        made = stay_away(place, reader, seconds)
        expect(made > 0, "no step was made while nobody read")
        code = reader.drain()
        out = reader.read["stdout"].decode()
        expect(code == 0, f"exit {code}: {reader.read['stderr'].decode()[-500:]}")
        if stream == "stdout":
            told = [json.loads(line) for line in out.splitlines()]
            numbers = [event["seq"] for event in told if event["type"] != "workflow.agent_event"]
            expect(numbers == list(range(1, len(numbers) + 1)), "the stream has a hole")
            expect(result(out) == steps, "another result")
        else:
            expect(json.loads(out)["results"] == steps, "another result")
        once(place.journal(), steps)
        return made


def once(journal: list[Entry], steps: int) -> None:
    dispatched = [entry.body["step"] for entry in journal if entry.kind == "agent_dispatched"]
    expect(len(dispatched) == len(set(dispatched)), "a step was dispatched twice")
    expect(sum(entry.kind == "settled" for entry in journal) == steps, "steps were lost")
    attempts = sum(entry.kind == "attempt_started" for entry in journal)
    expect(attempts <= 1, "the run was taken up by another process")


def hears(program: str, stream: str, seconds: int) -> tuple[float, float]:
    """SIGTERM while nobody reads, then a resume. Returns how long it took until the
    run was released, and until the process had ended."""
    steps = int(seconds / DELAY_S) + 50
    with Place(program, "talkative") as place:
        reader = Reader(place, stream, steps)
        expect(stay_away(place, reader, seconds) > 0, "no step was made while nobody read")
        asked = time.monotonic()
        reader.process.send_signal(signal.SIGTERM)
        while place.journal()[-1].kind != "attempt_ended":
            expect(time.monotonic() - asked < HUNG, "the signal was not heard")
            time.sleep(0.005)
        heard = time.monotonic() - asked
        code = reader.process.wait(HUNG)
        ended = time.monotonic() - asked
        expect(code == 143, f"exit {code} after SIGTERM")
        expect(heard <= HEARD_MAX_S, f"SIGTERM took {heard:.2f} s")
        before = place.journal()
        code, out, said = place.smol_wf("resume", "latest", "--events")
        expect(code == 0 and result(out) == steps, f"resume: exit {code}: {said[-500:]}")
        check_resumed(before, place.journal(), set())
        return heard, ended


def peak_kib(program: str, is_read: bool) -> int:
    """The most memory of a run whose events are read at once, or only at its end."""
    with Place(program, "talkative") as place:
        reader = Reader(place, "stdout", LOGGED_STEPS, 0.001, bytes=LOGGED_BYTES)
        started, peak = time.monotonic(), 0
        while place.journal()[-1].kind != "run_ended":
            # Checked all the time: a process that is read may be gone as soon as its run has ended.
            peak = max(peak, high_water_kib(reader.process.pid))
            reader.take(reader.pipes if is_read else reader.others(), LOOK_S)
            expect(time.monotonic() - started < HUNG, "the run hangs")
        peak = max(peak, high_water_kib(reader.process.pid))
        expect(reader.drain() == 0, reader.read["stderr"].decode()[-500:])
        return peak


def high_water_kib(pid: int) -> int:
    """The most memory that a process ever held; 0 once it has ended."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    held = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(held[1]) if held else 0


def is_bounded(program: str) -> tuple[int, int]:
    unread, read = peak_kib(program, False), peak_kib(program, True)
    expect(unread and read, "no process was there to be looked at")
    expect(unread <= GROWTH_MAX * read, f"unread it took {unread} KiB, read {read} KiB")
    return read, unread


def campaign(program: str, seconds: int) -> Outcome:
    """Both streams, with a reader that comes back and with a signal. Returns
    (tried, steps made while nobody read, faults)."""
    tried, made = 0, 0
    faults: list[str] = []
    try:
        tried += 1
        read, unread = is_bounded(program)
        print(f"readers: a stream of {LOGGED_BYTES * LOGGED_STEPS // 1_000_000} MB: at most {read} KiB of memory "
              f"when it was read, {unread} KiB when it was not", flush=True)
    except Wrong as wrong:
        faults.append(f"memory: {wrong}")
    for stream in ("stdout", "stderr"):
        tried += 2
        try:
            made += goes_on(program, stream, seconds)
            heard, ended = hears(program, stream, seconds)
            print(f"readers: {stream} unread for {seconds} s: SIGTERM let go of the run in {heard * 1000:.0f} ms, "
                  f"ended the process in {ended * 1000:.0f} ms", flush=True)
        except Wrong as wrong:
            faults.append(f"{stream}: {wrong}")
    return tried, made, faults
