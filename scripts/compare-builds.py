#!/usr/bin/env python3
"""Compares the speed of two builds of smol-wf, in turn and in one run.

    scripts/compare-builds.py OLD NEW [--rounds N] [--folder DIR]

Measures whole processes with the debug provider: a run of one agent, a run of 300
steps one after the other, a fan-out of 900, and the replays of both. Prints the
medians and their ratio. DIR holds scripts and databases, in a new folder that is
deleted; in /dev/shm nothing waits for a disk. Exits 1 when a command fails.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

META = "export const meta = { name: 'compared', description: 'measures a build' }\n"
SCRIPTS = {
    "hello": "return await agent('hello')\n",
    "steps": "for (let i = 0; i < 300; i++) await agent(`step ${i}`)\nreturn 1\n",
    "fan": "const all = Array.from({ length: 900 }, (_, i) => () => agent(`fan ${i}`))\nreturn (await parallel(all)).length\n",
}
# A short run is measured more often.
HELLO_TIMES = 4


def seconds(program: str, database: Path, folder: Path, *arguments: str) -> float:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "SMOL_WF_DB": str(database)}
    began = time.perf_counter()
    ended = subprocess.run([program, *arguments], cwd=folder, env=environment, capture_output=True, check=False)
    spent = time.perf_counter() - began
    if ended.returncode != 0:
        sys.exit(f"{program} {' '.join(arguments)} exited with {ended.returncode}: {ended.stderr.decode()}")
    return spent


def compare(what: str, rounds: int, programs: list[str], folder: Path, name: str, *arguments: str) -> None:
    spent: list[list[float]] = [[], []]
    for turn in range(rounds):
        # Each begins every other round.
        for one in ((0, 1), (1, 0))[turn % 2]:
            database = folder / f"{name}-{one}.db"
            spent[one].append(seconds(programs[one], database, folder, *arguments))
    old, new = (statistics.median(times) * 1e3 for times in spent)
    print(f"{what:14} old {old:7.1f} ms   new {new:7.1f} ms   ratio {new / old:.3f}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=os.path.abspath)
    parser.add_argument("new", type=os.path.abspath)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    asked = parser.parse_args()
    programs = [str(asked.old), str(asked.new)]
    with tempfile.TemporaryDirectory(dir=asked.folder) as made:
        folder = Path(made)
        for name, script in SCRIPTS.items():
            path = folder / f"{name}.js"
            path.write_text(META + script)
            times = asked.rounds * (HELLO_TIMES if name == "hello" else 1)
            compare(name, times, programs, folder, name, "run", str(path), "--agent-provider", "debug")
        for name in ("steps", "fan"):
            compare(f"replay {name}", asked.rounds, programs, folder, name, "replay", "latest", "--anywhere")
    return 0


if __name__ == "__main__":
    sys.exit(main())
