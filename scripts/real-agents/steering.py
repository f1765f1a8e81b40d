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
    process = driver.start_call(order(driver.lane.shell(command)), permissions="write")
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
    """A message reaches the model with the result of the tool that runs, or is refused;
    either way the agent answers, and its counts are right."""
    busy = driver.project / ("busy-" + driver.lane.name)
    busy.touch()
    since = driver.mark()
    process = tool_at_work(driver, WHILE % driver.lane.name)
    said = post(driver, "msg", "latest", "MARK-STEERED, please")
    takes = driver.lane.like in TAKE_MESSAGES
    if not takes and (said.returncode != 3 or "agent_takes_no_messages" not in said.stderr):
        raise Wrong("exit %s, %s" % (said.returncode, said.stderr))
    if takes and said.returncode != 0:
        raise Wrong("exit %s, %s" % (said.returncode, said.stderr))
    busy.unlink()
    run = driver.finish(process)
    [done] = run.completed()
    fates = [one["data"]["tooLate"] for one in run.all("agent_told")]
    expect("what became of it", fates, [False] if takes else [])
    expect("steered", done["data"].get("steered", 0), len(fates))
    served = [one for one in driver.requests(since) if one["model"] != "mock-small"]
    heard = [one for one in served if "MARK-STEERED" in one["marks"]]
    expect("the model reads it", bool(heard), takes)
    if takes and "MARK-STEERED" in served[0]["marks"]:
        raise Wrong("the model read it before the tool ran")
    if not driver.lane.like.startswith("acp"):
        expect("output tokens", run.report["tokenUsage"]["outputTokens"], 22 * len(served))
    driver.gone()


def stopped(driver: Driver) -> None:
    """`stop` ends the agent with its tools, and the run goes on without it."""
    process = tool_at_work(driver, WAITS)
    said = post(driver, "stop", "latest#1")
    expect("exit code of stop", said.returncode, 0)
    expect("failure", driver.finish(process).failure()[0], "stopped")
    driver.gone()


STEERING: dict[str, Case] = {"msg": told, "stop": stopped}
