"""The user's own configuration of an agent: rules, agents, settings, tools.

Owns: the cases of the table that change an agent's own files for a while. A case
gets the driver of its lane and raises `Wrong`.
"""

from cases import expect, order
from driver import Case, Driver, Run, Wrong

OPENCODE = "config/opencode/opencode.json"

SECRET = "MARK-SECRET"


def answer(run: Run) -> str:
    run.completed()
    return str(run.report["results"])


def made(driver: Driver, name: str) -> bool:
    """Whether a file is in the project; it is taken away again."""
    path = driver.project / name
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def refused(run: Run) -> int:
    """How often the run's agents asked leave in vain; each with what to type."""
    asks = run.report.get("asks", {"refused": 0})
    if asks["refused"] and "--asks allow" not in run.stderr + str(run.all("warning")):
        raise Wrong("nobody is told how to allow it")
    return int(asks["refused"])


def rules_of_opencode(driver: Driver) -> None:
    """What opencode's user denies stays denied, and what is asked is refused."""
    shell, writes = driver.lane.shell, driver.lane.writes
    rules = {"bash": {"*": "allow", "touch *": "deny", "mkdir *": "ask"}, "edit": "deny"}
    with driver.lane.written(OPENCODE, {"permission": rules}):
        for permissions in ("write", None):
            options = {"permissions": permissions} if permissions else {}
            driver.call(order(shell("touch denied.txt")), **options)
            expect("a denied command ran", made(driver, "denied.txt"), False)
            driver.call(order(writes("edited.txt", "x")), **options)
            expect("a denied edit was made", made(driver, "edited.txt"), False)
        run = driver.call(order(shell("printf x > allowed.txt")))
        answer(run)
        expect("an allowed command ran", made(driver, "allowed.txt"), True)
        run = driver.call(order(shell("mkdir asked && touch asked.txt; rmdir asked")))
        expect("what was asked for was done", made(driver, "asked.txt"), False)
        run = driver.call(order(shell("mkdir asked")))
        expect("asks refused", refused(run), 1)
        expect("the folder is there", (driver.project / "asked").exists(), False)
        run = driver.call(order(shell("mkdir asked")), "--asks", "allow")
        answer(run)
        expect("asks refused", refused(run), 0)
        (driver.project / "asked").rmdir()


def agents_of_opencode(driver: Driver) -> None:
    """An agent of opencode's own keeps its rules, and one of the user's is found."""
    writes = driver.lane.writes
    driver.call(order(writes("planned.txt", "x")), agentType="plan", permissions="write")
    expect("the plan agent wrote", made(driver, "planned.txt"), False)
    run = driver.call("[[mock:json={\"n\": 1}]]", agentType="plan", schema={"type": "object"})
    expect("the plan agent answers", run.completed() and run.report["results"], {"n": 1})
    own = "---\ndescription: reviews\nmode: all\npermission:\n  edit: deny\n---\nMARK-REVIEWER\n"
    with driver.lane.written("config/opencode/agent/reviewer.md", own):
        since = driver.mark()
        answer(driver.call(order(writes("reviewed.txt", "x")), agentType="reviewer"))
        expect("the user's agent wrote", made(driver, "reviewed.txt"), False)
        marks = [one["marks"] for one in driver.requests(since) if one["tools"]]
        expect("its own words", all("MARK-REVIEWER" in one for one in marks), True)


def secrets_of_opencode(driver: Driver) -> None:
    """A reader asks leave for `.env`, and is refused unless the user lets it."""
    path = driver.project / ".env"
    path.write_text("KEY=%s\n" % SECRET)
    read = order(("read", {"filePath": str(path)}))
    try:
        since = driver.mark()
        run = driver.call(read, permissions="read")
        expect("asks refused", refused(run), 1)
        expect("the model has seen it", seen(driver, since), False)
        run = driver.call(read, "--asks", "allow", permissions="read")
        expect("asks refused", refused(run), 0)
        expect("the model has seen it", seen(driver, since), True)
    finally:
        path.unlink()


def seen(driver: Driver, since: int) -> bool:
    return any(SECRET in one["marks"] for one in driver.requests(since))


def asks_over_acp(driver: Driver) -> None:
    """What opencode's user has it ask about is refused over ACP as well."""
    with driver.lane.written(OPENCODE, {"permission": {"bash": {"*": "allow", "mkdir *": "ask"}}}):
        run = driver.call(order(driver.lane.shell("mkdir asked")), permissions="write")
        expect("asks refused", refused(run), 1)
        expect("the folder is there", (driver.project / "asked").exists(), False)
        answer(driver.call(order(driver.lane.shell("mkdir asked")), "--asks", "allow"))
        (driver.project / "asked").rmdir()


OF_USERS: dict[str, dict[str, Case]] = {
    "opencode": {
        "the user's rules": rules_of_opencode,
        "the user's agents": agents_of_opencode,
        "read asks for .env": secrets_of_opencode,
    },
    "acp": {"the user's rules": asks_over_acp},
}
