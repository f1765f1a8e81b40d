"""EIO and ENOSPC at every Nth system call that changes a file.

Owns: the injection, and what the program must report and leave behind. Never: kills.
"""

from collections.abc import Sequence

from kill import points, traced, undisturbed
from place import Outcome, Place, Wrong, check_resumed, expect, result, told

# fsync of a full disk reports it too; ftruncate and unlink do not need space.
FAILING = {"EIO": ("pwrite64", "fsync", "fdatasync", "ftruncate"), "ENOSPC": ("pwrite64", "fsync", "fdatasync")}


def fail_at(program: str, workload: str, error: str, call: str, n: int, wanted: object) -> bool:
    """One failing call. Returns whether the program noticed."""
    with Place(program, workload) as place:
        place.make_database()
        code, stdout = traced(place, ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={n}"])
        before = place.journal()
        if code == 0:
            expect(result(stdout) == wanted, "completed with another result")
            expect(before and before[-1].kind == "run_ended", "completed, and the journal does not say so")
            return False
        expect(code == 3, f"exit {code} for a database that cannot be written")
        expect(result(stdout) is None, "told a result and failed")
        expect(place.is_sound(), "the database is damaged")
        if not before:
            code, stdout, stderr = place.call(place.run_command())
            expect(code == 0 and result(stdout) == wanted, f"a new run does not start: {stderr}")
            return True
        announced = told(stdout)
        code, stdout, stderr = place.smol_wf("resume", "latest", "--events")
        expect(code == 0, f"resume: exit {code}: {stderr}")
        expect(result(stdout) == wanted, "another result")
        check_resumed(before, place.journal(), announced)
        return True


def campaign(program: str, workloads: Sequence[str], every: int) -> Outcome:
    """Returns (points, noticed, faults)."""
    tried, noticed = 0, 0
    faults: list[str] = []
    for workload in workloads:
        wanted = undisturbed(program, workload)
        places = points(program, workload, fresh=False)
        for error, calls in FAILING.items():
            for call, n in [point for point in places if point[0] in calls][::every]:
                tried += 1
                try:
                    noticed += fail_at(program, workload, error, call, n, wanted)
                except Wrong as wrong:
                    faults.append(f"{workload}, {error} at {call} {n}: {wrong}")
    return tried, noticed, faults
