"""SIGKILL at every system call that changes a file, then a resume.

Owns: the points, and the injection by strace. Never: judges a journal;
`place.check_resumed` does.
"""

import collections
import re
import subprocess
from collections.abc import Sequence

from place import HUNG, Outcome, Place, Wrong, check_resumed, expect, result, told

# Calls that change a file. `write` is stdout, stderr and wake-ups between threads.
CALLS = ("pwrite64", "fsync", "fdatasync", "ftruncate", "unlink", "linkat", "write")


def traced(place: Place, options: list[str]) -> tuple[int, str]:
    command = ["strace", "-f", "-qq", "-o", str(place.dir / "trace"), *options, "--", *place.run_command()]
    out = (place.dir / "stdout").open("wb")
    done = subprocess.run(
        command, cwd=place.dir, env=place.environment(), stdin=subprocess.DEVNULL, stdout=out,
        stderr=subprocess.DEVNULL, timeout=HUNG, check=False,
    )
    out.close()
    return done.returncode, (place.dir / "stdout").read_bytes().decode(errors="replace")


def points(program: str, workload: str, fresh: bool) -> list[tuple[str, int]]:
    """(call, N) for every N that some thread reaches. strace counts per thread."""
    with Place(program, workload) as place:
        if not fresh:
            place.make_database()
        traced(place, ["-e", "trace=" + ",".join(CALLS)])
        return reached((place.dir / "trace").read_text())


def reached(trace: str) -> list[tuple[str, int]]:
    """The points of a trace by call: the highest count of any thread."""
    counts = collections.Counter(re.findall(r"^(\d+)\s+(\w+)\(", trace, re.MULTILINE))
    most: dict[str, int] = {}
    for (_, call), count in counts.items():
        most[call] = max(most.get(call, 0), count)
    return [(call, n) for call in CALLS for n in range(1, most.get(call, 0) + 1)]


def undisturbed(program: str, workload: str) -> object:
    with Place(program, workload) as place:
        code, stdout, stderr = place.call(place.run_command())
        expect(code == 0, f"{workload} fails undisturbed: {stderr}")
        return result(stdout)


def kill_at(program: str, workload: str, fresh: bool, call: str, n: int, wanted: object) -> bool:
    """One kill and one resume. Returns whether the program was killed at all."""
    with Place(program, workload) as place:
        if not fresh:
            place.make_database()
        code, stdout = traced(place, ["-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={n}"])
        before = place.journal()
        if code == 0:
            expect(result(stdout) == wanted, "another result")
            return False
        if not before:
            # Killed before the run existed: it can be started again.
            code, stdout, stderr = place.call(place.run_command())
            expect(code == 0 and result(stdout) == wanted, f"a new run does not start: {stderr}")
            return True
        announced = told(stdout)
        code, stdout, stderr = place.smol_wf("resume", "latest", "--events")
        expect(code == 0, f"resume: exit {code}: {stderr}")
        expect(result(stdout) == wanted, "another result")
        check_resumed(before, place.journal(), announced)
        expect(place.is_sound(), "the database is damaged")
        return True


def campaign(program: str, workloads: Sequence[str], every: int) -> Outcome:
    """Kills at every `every`-th point. Returns (points, deaths, faults)."""
    tried, deaths = 0, 0
    faults: list[str] = []
    for workload in workloads:
        wanted = undisturbed(program, workload)
        for fresh in (True, False):
            # Creating the database is the work of one thread, and the
            # same for every workload.
            if fresh and workload != workloads[0]:
                continue
            for call, n in points(program, workload, fresh)[::every]:
                tried += 1
                try:
                    deaths += kill_at(program, workload, fresh, call, n, wanted)
                except Wrong as wrong:
                    faults.append(f"{workload}, {'new' if fresh else 'existing'} database, {call} {n}: {wrong}")
    return tried, deaths, faults
