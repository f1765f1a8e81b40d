"""The cases in which an agent asks a person.

Owns: `asks = 'person'`, for the agents that can wait for one.
"""

import json
from collections.abc import Callable
from typing import Any

from cases import expect, order
from driver import Case, Driver, Wrong
from steering import post
from users import OPENCODE, made

# Lets opencode ask about one command, and Claude Code about whatever writes.
RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "opencode": (OPENCODE, {"permission": {"bash": {"*": "allow", "touch *": "ask"}}}),
    "acp": (OPENCODE, {"permission": {"bash": {"*": "allow", "touch *": "ask"}}}),
    "acp-claude": (".claude/settings.json", {"permissions": {"ask": ["Bash(touch:*)"]}}),
}


def detached(driver: Driver, prompt: str) -> str:
    """A run in the background whose agents ask a person; its id."""
    given = driver.lane.root / "asked.json"
    given.write_text(json.dumps({"prompt": prompt, "options": {}}))
    words = ["run", "call.mjs", "--detach", "--asks", "person", "--agent-provider", driver.lane.name]
    said = post(driver, *words, "--args-from-file", str(given))
    if said.returncode != 0:
        raise Wrong("exit %s, %s" % (said.returncode, said.stderr))
    return said.stdout.strip()


def waits(driver: Driver, run: str) -> bool:
    """Whether `ps` shows an agent of the run that waits for a person."""
    rows = [row for row in driver.ask("ps", "--json")["runs"] if row["runId"] == run]
    return any(one.get("permissions") for row in rows for one in row.get("waitsFor", []))


def asked(driver: Driver, name: str, answer: str) -> tuple[str, Any]:
    """The agent wants to make this file, and gets this answer. Returns the run, and its
    report."""
    command = "touch " + name
    run = detached(driver, order(driver.lane.shell(command)))
    driver.until("ps shows the question", 90, lambda: waits(driver, run))
    expect("it waits", (driver.project / name).exists(), False)
    [ask] = driver.ask("answer", run, "--json")["asks"]
    if command not in ask["question"] + ask.get("detail", ""):
        raise Wrong("nobody is shown the command: %s" % ask)
    expect("who asks", (ask["kind"], ask["provider"], ask["ask"]), ("permission", driver.lane.name, 1))
    for_another = post(driver, "answer", run + "#1.2", answer)
    expect("exit code of an answer to no question", for_another.returncode, 3)
    said = post(driver, "answer", run + "#1.1", answer, "--comment", "MARK-COMMENT")
    if said.returncode != 0:
        raise Wrong("exit %s, %s" % (said.returncode, said.stderr))
    ended = post(driver, "attach", run, "--output", "json")
    return run, json.loads(ended.stdout or "{}")


def with_rules(driver: Driver, check: Callable[[], None]) -> None:
    path, rules = RULES[driver.lane.like]
    with driver.lane.written(path, rules):
        check()


def allowed(driver: Driver) -> None:
    """A person allows it in another process, and the tool runs."""

    def check() -> None:
        run, report = asked(driver, "granted.txt", "--yes")
        expect("state", report.get("state"), "completed")
        expect("the file is there", made(driver, "granted.txt"), True)
        expect("asks refused", "asks" in report, False)
        step = driver.ask("history", run, "--step", "1", "--json")["step"]
        expect("in the history", [one["state"] for one in step["permissions"]], ["allowed"])
        driver.gone()

    with_rules(driver, check)


def refused(driver: Driver) -> None:
    """A person refuses it, and the tool does not run. Only opencode tells its model why."""

    def check() -> None:
        since = driver.mark()
        run, _ = asked(driver, "denied.txt", "--no")
        expect("the file is there", made(driver, "denied.txt"), False)
        step = driver.ask("history", run, "--step", "1", "--json")["step"]
        expect("in the history", [one["state"] for one in step["permissions"]], ["refused"])
        if driver.lane.like == "opencode":
            marks = [mark for one in driver.requests(since) for mark in one["marks"]]
            expect("the model is told why", "MARK-COMMENT" in marks, True)
        driver.gone()

    with_rules(driver, check)


PEOPLE: dict[str, Case] = {"a person allows it": allowed, "a person refuses it": refused}
