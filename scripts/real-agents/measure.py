"""The overhead of smol-wf in a step, and the time that opencode's shared server saves.

Owns: the figures of docs/performance.md that need agents. Never: a verdict, because
a busy machine is not a failure.
"""

import concurrent.futures
import os
import statistics
import subprocess
import time
from collections.abc import Callable

from driver import Driver, Event, Wrong

# An agent that answers at once: it prints its prompt.
FAKE = '\n[providers.fake]\nkind = "command"\ncommand = ["/bin/cat"]\n'

STEPS, ROUNDS, AGENTS = 200, 5, 8


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def many(driver: Driver, **args: object) -> list[Event]:
    return driver.run("many.mjs", args).completed()


def by_hand() -> None:
    """What every caller has to do: start it, write, read, wait."""
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    moves = [
        (os.POSIX_SPAWN_DUP2, to_read, 0),
        (os.POSIX_SPAWN_DUP2, from_write, 1),
        *((os.POSIX_SPAWN_CLOSE, one) for one in (to_read, to_write, from_read, from_write)),
    ]
    child = os.posix_spawn("/bin/cat", ["cat"], {}, file_actions=moves)
    os.close(to_read)
    os.close(from_write)
    os.write(to_write, b"say 1")
    os.close(to_write)
    os.read(from_read, 100)
    os.close(from_read)
    os.waitpid(child, 0)


def all_by_hand() -> None:
    for _ in range(STEPS):
        by_hand()


def measure(driver: Driver) -> None:
    """Of each figure the median of some rounds."""
    overheads = []
    for _ in range(ROUNDS):
        hand = timed(all_by_hand) / STEPS
        run = timed(lambda: many(driver, count=STEPS, provider="fake"))
        one = timed(lambda: many(driver, count=1, provider="fake"))
        overheads.append(((run - one) / (STEPS - 1) - hand) * 1e3)
    told = ", ".join("%.2f" % one for one in sorted(overheads))
    print("one step, above spawning by hand: %.2f ms (%s)" % (statistics.median(overheads), told))
    many(driver, count=1)
    shared = timed(lambda: many(driver, count=AGENTS, atOnce=True))
    print("%d opencode steps through one server: %.1f s" % (AGENTS, shared))
    for how, at_once in (("at once", AGENTS), ("one after the other", 1)):
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            took = timed(lambda: list(pool.map(lambda n: alone(driver, n), range(AGENTS))))
        words = "%d times `opencode run`, %s: %.1f s, %.1f times as long"
        print(words % (AGENTS, how, took, took / shared), flush=True)


def alone(driver: Driver, number: int) -> None:
    """One `opencode run`, without smol-wf."""
    lane = driver.lane
    env = {"PATH": "/usr/bin:/bin", "HOME": str(lane.home), **lane.env}
    argv = [str(lane.program), "run", "--format", "json", "--title", "t"]
    prompt = b"say %d" % number
    told = subprocess.run(
        argv, cwd=driver.project, env=env, input=prompt, capture_output=True, timeout=300, check=False
    )
    if b"mock reply: " + prompt not in told.stdout:
        raise Wrong("`opencode run` did not answer: %r" % told.stderr[-300:])
