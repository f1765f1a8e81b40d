"""Interruptions of all kinds while prompts are passed to agents: a whole prompt or none.

Owns: the interruptions at random moments, and the count of prompts that agents read
to their end. Never: checks a journal; `place` and the other campaigns do.
"""

import hashlib
import json
import random
import signal
import subprocess
import time
from typing import Any

from place import HUNG, WORKLOADS, Outcome, Place, Wrong, expect

# Prompts of one run, asked at once.
AT_ONCE = 12
# From a few words to the longest useful prompt, in bytes.
SHORTEST, LONGEST = 10, 4 * 1024 * 1024
# Most interruptions of a run before it may complete.
ENDS = 3
# The run never completes.
ROUNDS_MAX = 5000


def prompt(number: int, length: int) -> bytes:
    """The same as in prompts.mjs."""
    head = f"{number} {length} "
    return (head + chr(97 + number % 26) * (length - len(head))).encode()


class Reading(Place):
    """A folder whose agent keeps what it has read."""

    def __init__(self, program: str, lengths: list[int]) -> None:
        super().__init__(program, "prompts")
        self.lengths = lengths
        self.kept = self.dir / "kept"
        self.kept.mkdir()
        (self.dir / "args.json").write_text(json.dumps({"lengths": lengths}))
        reader = json.dumps(str(WORKLOADS / "reader.py"))
        env = f"env = {{ READER_PLACE = {json.dumps(str(self.kept))} }}"
        (self.dir / "config.toml").write_text(f'[providers.reader]\nkind = "command"\ncommand = [{reader}]\n{env}\n')

    def environment(self) -> dict[str, str]:
        ours = {"SMOL_WF_CONFIG": str(self.dir / "config.toml"), "SMOL_WF_AGENT_PROVIDER": "reader"}
        return {**super().environment(), **ours}

    def run_command(self) -> list[str]:
        return [self.program, "run", str(WORKLOADS / "prompts.mjs"), "--args-from-file", str(self.dir / "args.json")]

    def begun(self) -> int:
        return len(list(self.kept.glob("began-*")))

    def read(self) -> list[dict[str, Any]]:
        """What agents have read to its end."""
        return [json.loads(path.read_text()) for path in self.kept.glob("got-*")]


def interrupted(place: Reading, command: list[str], how: signal.Signals | str, chance: random.Random) -> int:
    """Starts, waits for an agent, and ends it. Returns its exit code."""
    limits: dict[signal.Signals | str, list[str]] = {
        "timeout": ["--timeout", f"{chance.randint(100, 1500)}ms"],
        "agent": ["--agent-timeout", f"{chance.randint(50, 800)}ms"],
    }
    before = place.begun()
    process = subprocess.Popen(
        [*command, *limits.get(how, [])], cwd=place.dir, env=place.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    if isinstance(how, signal.Signals):
        deadline = time.monotonic() + HUNG
        while process.poll() is None and place.begun() == before and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(chance.random() ** 3)
        process.send_signal(how)
    return process.wait(HUNG)


HOW = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, "timeout", "agent")


def one_run(program: str, chance: random.Random) -> int:
    """A run that is interrupted several times. Returns prompts read to their end."""
    lengths = [int(SHORTEST * (LONGEST / SHORTEST) ** chance.random()) for _ in range(AT_ONCE)]
    with Reading(program, lengths) as place:
        command = place.run_command()
        for _ in range(chance.randint(1, ENDS)):
            code = interrupted(place, command, chance.choice(HOW), chance)
            if not place.db.exists():
                continue
            command = [place.program, "resume", "latest"]
            if code == 0 or not is_open(place):
                break
        if is_open(place):
            # Agents that SIGKILL left behind are ended before this process asks again.
            place.call([place.program, "resume", "latest"])
        time.sleep(0.2)
        whole = {hashlib.sha256(prompt(*one)).hexdigest() for one in enumerate(lengths)}
        read = place.read()
        for got in read:
            expect(got["digest"] in whole, f"an agent has read {got['length']} bytes, which begin {got['head']!r}")
        return len(read)


def is_open(place: Place) -> bool:
    journal = place.journal()
    return bool(journal) and journal[-1].kind != "run_ended"


def campaign(program: str, wanted: int) -> Outcome:
    """Returns (prompts read to their end, runs, faults)."""
    read, runs = 0, 0
    faults: list[str] = []
    while read < wanted and runs < ROUNDS_MAX:
        runs += 1
        try:
            read += one_run(program, random.Random(runs))
        except Wrong as wrong:
            faults.append(f"run {runs}: {wrong}")
    return read, runs, faults
