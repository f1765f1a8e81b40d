"""Two processes take up one interrupted run at the same moment.

Owns: the simultaneous start, and which process may win. Never: leases, which the
program has.
"""

import subprocess
from collections.abc import Sequence

from kill import traced, undisturbed
from place import HUNG, Outcome, Place, Wrong, check_resumed, expect, result

# In the thread of the journal, some way into the workload.
INTERRUPTED_AT = "pwrite64:signal=SIGKILL:when=90"


def race(place: Place, wanted: object) -> int:
    """One race over a run that was killed half way. Returns how many of the two did the work."""
    before = place.journal()
    # Nothing may be left where the run began.
    command = [place.program, "resume", "latest", "--anywhere", "--cwd", str(place.dir), "--events"]
    runners = [
        subprocess.Popen(
            command, cwd=place.dir, env=place.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    ends = []
    for runner in runners:
        out, err = runner.communicate(timeout=HUNG)
        ends.append((runner.returncode, out.decode(), err.decode()))
    after = place.journal()
    check_resumed(before, after, set())
    attempts = [entry for entry in after[len(before):] if entry.kind == "attempt_started"]
    expect(len(attempts) == 1, f"{len(attempts)} processes went on with the run")
    expect(any(code == 0 for code, _, _ in ends), "nobody completed the run")
    for code, stdout, stderr in ends:
        if code == 0:
            expect(result(stdout) == wanted, "another result")
        else:
            expect(code == 3 and "[run_held]" in stderr, f"the loser says: exit {code}: {stderr}")
    return sum(code == 0 for code, _, _ in ends)


def campaign(program: str, workloads: Sequence[str], count: int) -> Outcome:
    """Returns (races, races whose loser was refused, faults)."""
    refused = 0
    faults: list[str] = []
    for number in range(count):
        workload = workloads[number % len(workloads)]
        try:
            with Place(program, workload) as place:
                place.make_database()
                if number < len(workloads):
                    wanted = WANTED[workload] = undisturbed(program, workload)
                    traced(place, ["-e", "trace=pwrite64", "-e", f"inject={INTERRUPTED_AT}"])
                    INTERRUPTED[workload] = image_of(place)
                else:
                    wanted = WANTED[workload]
                    lay_down(place, INTERRUPTED[workload])
                refused += race(place, wanted) == 1
        except Wrong as wrong:
            faults.append(f"race {number}, {workload}: {wrong}")
    return count, refused, faults


# Results and databases of the interrupted runs: created once, used for many races.
WANTED: dict[str, object] = {}
INTERRUPTED: dict[str, dict[str, bytes]] = {}


def image_of(place: Place) -> dict[str, bytes]:
    files = [path for path in place.dir.glob("runs.db*") if path.is_file()]
    return {path.name: path.read_bytes() for path in files if not path.name.endswith("-shm")}


def lay_down(place: Place, image: dict[str, bytes]) -> None:
    for path in place.dir.glob("runs.db*"):
        # The folders beside the database have no promises.
        if path.is_file():
            path.unlink()
    for name, content in image.items():
        (place.dir / name).write_bytes(content)
