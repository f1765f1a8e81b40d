"""A folder to run smol-wf in, and its database.

Owns: starting the program without the tester's environment, reading a journal, and
the checks that every campaign makes of one. Never: injects a fault; the campaigns do.
"""

import collections
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
WORKLOADS = HERE / "workloads"

# Longest that any one run may take before it counts as hung, in seconds.
HUNG = 120

# What a campaign tried, the results, and the guarantees that were broken.
Outcome = tuple[int, int, list[str]]


class Entry(NamedTuple):
    """An entry of a journal."""

    seq: int
    kind: str
    body: dict[str, Any]
    chain: bytes


class Wrong(Exception):
    """A broken guarantee."""


def expect(holds: object, what: str) -> None:
    if not holds:
        raise Wrong(what)


class Place:
    """A folder with its own database."""

    def __init__(self, program: str, workload: str) -> None:
        self.program = str(program)
        self.workload = workload
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="smol-wf-durability-"))
        self.db = self.dir / "runs.db"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.dir, ignore_errors=True)

    def environment(self) -> dict[str, str]:
        return {
            "HOME": "/nonexistent",
            "PATH": os.environ.get("PATH", ""),
            "SMOL_WF_DB": str(self.db),
            "SMOL_WF_AGENT_PROVIDER": "debug",
        }

    def run_command(self) -> list[str]:
        script = WORKLOADS / f"{self.workload}.mjs"
        return [self.program, "run", str(script), "--seed", "7", "--events", "--debug-rule", "label:doomed=fail"]

    def call(self, command: Sequence[str]) -> tuple[int, str, str]:
        """Runs to the end; returns exit code, stdout, stderr."""
        done = subprocess.run(
            command, cwd=self.dir, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True,
            timeout=HUNG, check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def smol_wf(self, *words: str) -> tuple[int, str, str]:
        return self.call([self.program, *words])

    def make_database(self) -> None:
        code, _, stderr = self.smol_wf("history")
        expect(code == 0, f"an empty database cannot be made: {stderr}")

    def journal(self) -> list[Entry]:
        """All entries of the one run, or none when there is no run yet."""
        if not self.db.exists():
            return []
        connection = sqlite3.connect(self.db, timeout=30)
        try:
            found = connection.execute("SELECT name FROM sqlite_master WHERE name = 'journal'").fetchone()
            if not found:
                return []
            rows = connection.execute("SELECT seq, kind, body, chain FROM journal ORDER BY run, seq")
            return [Entry(seq, kind, json.loads(body), chain) for seq, kind, body, chain in rows]
        finally:
            connection.close()

    def is_sound(self) -> bool:
        connection = sqlite3.connect(self.db, timeout=30)
        try:
            return bool(connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
        finally:
            connection.close()


def told(stdout: str) -> set[int]:
    """Numbers of the steps whose end is in the event stream."""
    steps: set[int] = set()
    for line in stdout.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the line that was being written
        if event["type"] in ("workflow.agent_completed", "workflow.agent_failed"):
            steps.add(int(event["metadata"]["stepId"]))
    return steps


def result(stdout: str) -> object:
    """The end of the run, from its event stream."""
    events = [json.loads(line) for line in stdout.splitlines()]
    results = [e["data"] for e in events if e["type"] == "workflow.result" and e["metadata"]["workflowDepth"] == 0]
    return results[-1]["result"] if results else None


def settled(journal: list[Entry]) -> list[int]:
    return [entry.body["step"] for entry in journal if entry.kind == "settled"]


def check_resumed(before: list[Entry], after: list[Entry], announced: set[int], deaths: int = 1) -> None:
    """Checks the guarantees of a journal after a fault (`before`) and after the resume
    that followed (`after`); `announced` are steps whose end was reported already."""
    expect(
        [(e.seq, e.kind, e.chain) for e in after[: len(before)]] == [(e.seq, e.kind, e.chain) for e in before],
        "the journal did not only grow",
    )
    expect(announced <= set(settled(before)), f"told and not durable: {sorted(announced - set(settled(before)))}")
    done = settled(after)
    expect(len(done) == len(set(done)), "a step was settled twice")
    ended: set[int] = set()
    dispatches: collections.Counter[int] = collections.Counter()
    for entry in after:
        if entry.kind == "settled":
            ended.add(entry.body["step"])
        if entry.kind == "agent_dispatched":
            step = entry.body["step"]
            expect(step not in ended, f"step {step} was dispatched after it had settled")
            dispatches[step] += 1
    most = max(dispatches.values(), default=0)
    expect(most <= 1 + deaths, f"a step was dispatched {most} times")
    ends = [entry for entry in after if entry.kind == "run_ended"]
    expect(len(ends) == 1 and after[-1].kind == "run_ended", "the run has not one end")
