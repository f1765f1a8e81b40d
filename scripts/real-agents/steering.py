"""The cases in which somebody reaches an agent at work.

Owns: `msg` and `stop`, for every agent of the table.
"""

import subprocess

from cases import WAITS, expect, order
from driver import Case, Driver, Started, Wrong

# The agents that take messages while they work.
TAKE_MESSAGES = {"claude-code", "opencode", "pi"}

# Goes on for as long as its file is there; Claude Code refuses one long `sleep`.
WHILE = "while test -e busy-%s; do sleep 0.2; done; echo done"


def tool_at_work(driver: Driver, command: str) -> Started:
    """A run whose agent runs this command."""
    # Some agents ask leave for every command over ACP.
    flags = ["--asks", "allow"] if driver.lane.like.startswith("acp-") else []
    process = driver.start_call(order(driver.lane.shell(command)), *flags, permissions="write")
    driver.until(
        "the command runs", 60, lambda: any(command in words for words in driver.processes().values())
    )
    return process


def post(driver: Driver, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(driver.smol_wf), *words],
        cwd=driver.project,
        env=driver.env,
        capture_output=True,
        text=True,
        timeout=driver.patience(60),
        check=False,
    )


def told(driver: Driver) -> None:
    """Messages reach the model with the result of the tool that runs, also two of the same
    words, or are refused; either way the agent answers, and its counts are right."""
    busy = driver.project / ("busy-" + driver.lane.name)
    busy.touch()
    since = driver.mark()
    process = tool_at_work(driver, WHILE % driver.lane.name)
    takes = driver.lane.like in TAKE_MESSAGES
    for _ in range(2):
        said = post(driver, "msg", "latest", "MARK-STEERED, please")
        if not takes and (said.returncode != 3 or "agent_takes_no_messages" not in said.stderr):
            raise Wrong("exit %s, %s" % (said.returncode, said.stderr))
        if takes and said.returncode != 0:
            raise Wrong("exit %s, %s" % (said.returncode, said.stderr))
    busy.unlink()
    run = driver.finish(process)
    [done] = run.completed()
    fates = [(one["data"]["number"], one["data"]["tooLate"]) for one in run.all("agent_told")]
    expect("what became of them", fates, [(1, False), (2, False)] if takes else [])
    expect("steered", done["data"].get("steered", 0), len(fates))
    served = [one for one in driver.requests(since) if one["model"] != "mock-small"]
    heard = [one for one in served if "MARK-STEERED" in one["marks"]]
    expect("the model reads it", bool(heard), takes)
    if takes and "MARK-STEERED" in served[0]["marks"]:
        raise Wrong("the model read it before the tool ran")
    if not driver.lane.like.startswith("acp"):
        expect("output tokens", run.report["tokenUsage"]["outputTokens"], 22 * len(served))
    driver.gone()


def told_late(driver: Driver) -> None:
    """A message in the last turn is read in one more, or comes too late; it is never lost
    without a word, and the step says whether it was steered."""
    if driver.lane.like not in TAKE_MESSAGES:
        return
    since = driver.mark()
    process = driver.start_call("[[mock:slow=300]] [[mock:text=%s]]" % ("one word after another " * 4))
    driver.until("the model is asked", 60, lambda: driver.requests(since))
    said = post(driver, "msg", "latest", "MARK-LATE, please")
    expect("exit code of msg", said.returncode, 0)
    run = driver.finish(process)
    [done] = run.completed()
    [fate] = [one["data"]["tooLate"] for one in run.all("agent_told")]
    heard = any("MARK-LATE" in one["marks"] for one in driver.requests(since))
    expect("the model reads it", heard, not fate)
    expect("steered", done["data"].get("steered", 0), 0 if fate else 1)
    expect("too late", fate, False)
    driver.gone()


def stopped(driver: Driver) -> None:
    """`stop` ends the agent with its tools, and the run goes on without it."""
    process = tool_at_work(driver, WAITS)
    said = post(driver, "stop", "latest#1")
    expect("exit code of stop", said.returncode, 0)
    expect("failure", driver.finish(process).failure()[0], "stopped")
    driver.gone()


def stopped_silent(driver: Driver) -> None:
    """The same while its model is silent in the middle of an answer."""
    since = driver.mark()
    process = driver.start_call("[[mock:stall]] wait")
    driver.until("the model is asked", 60, lambda: driver.requests(since))
    said = post(driver, "stop", "latest#1")
    expect("exit code of stop", said.returncode, 0)
    expect("failure", driver.finish(process).failure()[0], "stopped")
    driver.gone()


STEERING: dict[str, Case] = {
    "msg": told,
    "msg in the last turn": told_late,
    "stop": stopped,
    "stop, silent model": stopped_silent,
}
