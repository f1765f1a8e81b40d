#!/usr/bin/env python3
"""Times the command line in whole processes, with files and a database of its own.

    scripts/cli-figures.py [PROGRAM]        default: target/release/smol-wf

Prints medians of 40: `--version`, `list` of 100 workflows, and a run of a script of 10 KB
as JavaScript and as TypeScript, one after the other in turn. Beside the time on the clock
stands the CPU time, which other programs disturb less. Fails where a target is missed.

Owns: measuring. Never: builds.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROUNDS = 40
WORKFLOWS = 100
# Bytes of the script that is run, and of those that are listed: the bundled ones have some 5 KB.
SCRIPT, LISTED = 10_000, 5_000
# Milliseconds.
TARGET_LIST = TARGET_VERSION = 20.0
TARGET_TYPES = 2.0

Times = tuple[float, float]


def once(command: list[str], home: Path, folder: Path) -> Times:
    """Milliseconds of a process: on the clock, and of CPU."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    clock = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.decode()}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return clock * 1e3, cpu * 1e3


def script(name: str, size: int, typed: bool = False) -> str:
    """A script of about this size, with types or without."""
    lines = [f"export const meta = {{ name: '{name}', description: 'Adds up', whenToUse: 'To measure' }}"]
    if typed:
        lines.append("interface Item { id: number; name: string; tags?: readonly string[] }")
    number = 0
    while sum(len(line) + 1 for line in lines) < size:
        number += 1
        types = (": Item", ": string", " as string", ": number[]") if typed else ("", "", "", "")
        lines.append(
            f"function part{number}(item{types[0]}){types[1]} {{\n"
            f"  const numbers{types[3]} = [item.id, {number}]\n"
            f"  return (`${{item.name}} ${{numbers.length}}`{types[2]})\n}}"
        )
    lines.append("return part1({ id: 1, name: 'a' })")
    return "\n".join(lines)


def medians(times: list[Times]) -> Times:
    return median(clock for clock, _ in times), median(cpu for _, cpu in times)


def main() -> int:
    program = str(Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/smol-wf").resolve())
    rows: list[tuple[str, Times, float]] = []
    with tempfile.TemporaryDirectory() as name:
        world = Path(name)
        home, folder = world / "home", world / "project"
        workflows = folder / ".agents" / "workflows"
        for path in (home, workflows, folder / ".git"):
            path.mkdir(parents=True)
        for number in range(WORKFLOWS):
            (workflows / f"w{number}.js").write_text(script(f"w{number}", LISTED))
        version = [once([program, "--version"], home, folder) for _ in range(ROUNDS)]
        listing = [once([program, "list"], home, folder) for _ in range(ROUNDS)]
        rows.append(("`--version`", medians(version), TARGET_VERSION))
        rows.append((f"`list` of {WORKFLOWS} workflows of 5 KB", medians(listing), TARGET_LIST))

        runs: dict[str, list[Times]] = {"js": [], "ts": []}
        for ending in runs:
            (folder / f"big.{ending}").write_text(script("big", SCRIPT, typed=ending == "ts"))
        for number in range(-2, ROUNDS):
            for ending, times in runs.items():
                command = [program, "run", f"big.{ending}", "--agent-provider", "debug"]
                taken = once(command, home, folder)
                # The first ones make the database.
                if number >= 0:
                    times.append(taken)
        plain, typed = medians(runs["js"]), medians(runs["ts"])
        more = typed[0] - plain[0], typed[1] - plain[1]
    print("| what | on the clock | CPU | target |\n|---|---|---|---|")
    rows.append(("a script of 10 KB, `.js`", plain, float("inf")))
    rows.append(("the same with types, `.ts`: more than that", more, TARGET_TYPES))
    for what, (clock, cpu), target in rows:
        wanted = f"≤ {target:g} ms" if target < float("inf") else ""
        print(f"| {what} | {clock:.1f} ms | {cpu:.1f} ms | {wanted} |")
    missed = [what for what, (clock, _), target in rows if clock > target]
    if missed:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
