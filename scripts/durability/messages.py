"""Eight processes post to one run while its holder is killed again and again.

Owns: the posters, the deaths of the holder, and what must be in the journal at the end.
Never: what a message does.
"""

import json
import random
import sqlite3
import subprocess
import threading
import time
from collections.abc import Sequence

from place import HUNG, Outcome, Place, Wrong, expect

POSTERS = 8

# Longest life of a holder, in seconds: it takes some tenths to take the run up.
LIFE_S = 0.6

# Most messages to the agent of one step.
STEP_MESSAGES = 100

# The agent never answers, so the run waits for messages alone.
NEVER = "*=delay:1h"


def start(place: Place, words: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [place.program, *words], cwd=place.dir, env=place.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )


def take_up(place: Place, run: str) -> subprocess.Popen[bytes]:
    return start(place, ["resume", run, "--as-recorded"])


def began(place: Place) -> str:
    """Starts the run, and kills it as soon as it is stored. Returns its id."""
    script = place.dir / "waits.mjs"
    script.write_text("export const meta = { name: 'w', description: 'd' }\nreturn await agent('x')\n")
    holder = start(place, ["run", str(script), "--debug-rule", NEVER])
    ends = time.monotonic() + HUNG
    while not place.journal():
        expect(time.monotonic() < ends and holder.poll() is None, "the run does not begin")
        time.sleep(0.01)
    holder.kill()
    holder.wait(HUNG)
    connection = sqlite3.connect(place.db, timeout=30)
    try:
        return str(connection.execute("SELECT run FROM runs").fetchone()[0])
    finally:
        connection.close()


def post(place: Place, run: str, poster: int, count: int, numbers: list[int], faults: list[str]) -> None:
    for message in range(count):
        limit = 1 + (poster * count + message) % 1000
        # Some are for the agent, as many as a step may have.
        is_told = poster == 0 and message < STEP_MESSAGES
        words = ["msg", f"{run}#1", f"word {message}"] if is_told else ["raise", run, "--max-parallel-agents", str(limit)]
        code, out, said = place.smol_wf(*words, "--json")
        if code == 0:
            posted = json.loads(out)
            numbers.append(posted["steps"][0]["number"] if is_told else posted["number"])
        else:
            faults.append(f"poster {poster}: exit {code}: {said}")


def waits(place: Place) -> int:
    """Messages that no holder has taken."""
    connection = sqlite3.connect(place.db, timeout=30)
    try:
        return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])
    finally:
        connection.close()


def disturb(place: Place, run: str, deaths: int, posters: list[threading.Thread]) -> int:
    """Kills the holder at random moments while anyone posts. Returns how often."""
    killed = 0
    while killed < deaths or any(poster.is_alive() for poster in posters):
        holder = take_up(place, run)
        time.sleep(random.uniform(0, LIFE_S))
        holder.kill()
        killed += holder.wait(HUNG) == -9
    return killed


def campaign(program: str, messages: int, deaths: int) -> Outcome:
    """Returns (messages, deaths, faults)."""
    faults: list[str] = []
    numbers: list[int] = []
    killed = 0
    try:
        with Place(program, "sequential") as place:
            place.make_database()
            run = began(place)
            count = messages // POSTERS
            posters = [
                threading.Thread(target=post, args=(place, run, poster, count, numbers, faults))
                for poster in range(POSTERS)
            ]
            for poster in posters:
                poster.start()
            killed = disturb(place, run, deaths, posters)
            last = take_up(place, run)
            ends = time.monotonic() + HUNG
            while waits(place):
                expect(time.monotonic() < ends, f"{waits(place)} messages are never taken")
                time.sleep(0.02)
            last.kill()
            last.wait(HUNG)
            check(place, numbers)
    except Wrong as wrong:
        faults.append(str(wrong))
    return len(numbers), killed, faults


def check(place: Place, numbers: list[int]) -> None:
    wanted = list(range(1, len(numbers) + 1))
    expect(sorted(numbers) == wanted, "a number was given twice, or never")
    taken = [entry.body["number"] for entry in place.journal() if entry.kind == "message_taken"]
    expect(taken == wanted, f"{len(taken)} of {len(wanted)} messages are in the journal, or out of order")
    heard_by_each_agent(place)
    connection = sqlite3.connect(place.db, timeout=30)
    try:
        row = connection.execute("SELECT posted, taken FROM runs").fetchone()
    finally:
        connection.close()
    expect(row == (len(numbers), len(numbers)), f"the run counts {row}")


def heard_by_each_agent(place: Place) -> None:
    """Each agent hears of its messages in order, each once, from the first on, and not
    before they are in the journal."""
    taken: list[int] = []
    heard: list[int] = []
    for entry in place.journal():
        if entry.kind == "agent_dispatched":
            heard = []
        elif entry.kind == "message_taken" and entry.body["message"]["type"] == "message":
            taken.append(entry.body["number"])
        elif entry.kind == "agent_told":
            heard.append(entry.body["number"])
            expect(heard == taken[: len(heard)], f"the agent hears {heard}, and {taken} were taken")
