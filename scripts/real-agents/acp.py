"""The cases that must hold for every agent that is driven over ACP.

Owns: the cases of the lanes `acp-…`. A case gets the driver of its lane and
raises `Wrong`.
"""

import contextlib
import json
import subprocess
from typing import Any

from cases import COSTS, TOKENS_IN, TOKENS_OUT, cancel_model, doctor, dollars, expect, fails, order, reading
from driver import Case, Driver, Run, Wrong

# Agents that report no tokens.
UNMETERED = {"acp-pi"}


def plain(driver: Driver) -> None:
    """The answer is the model's alone, and tokens are counted."""
    since = driver.mark()
    run = driver.call("[[mock:text=the answer]]")
    run.completed()
    expect("the answer", run.report["results"], "the answer")
    served = len([one for one in driver.requests(since) if "text" in one["orders"]])
    answers = counted(driver, run, served)
    told = run.report["tokenUsage"]
    expect("input tokens", told["inputTokens"], TOKENS_IN * answers)
    expect("output tokens", told["outputTokens"], TOKENS_OUT * answers)


def counted(driver: Driver, run: Run, served: int) -> int:
    """The number of served answers that the agent has reported."""
    if driver.lane.like in UNMETERED:
        return 0
    if driver.lane.like != "acp-claude":
        return served
    # It has a model name the session meanwhile, and tells what that took, in dollars
    # and by model, if the name is there before the answer is.
    answers: int = round(run.report["costUsd"] / COSTS[driver.lane.like])
    expect("between one and all answers are paid for", 1 <= answers <= served, True)
    dollars(driver, run, answers)
    return answers


def writing(driver: Driver) -> None:
    """A tool writes a file in the step's own worktree."""
    name = "made.txt"
    run = driver.call(order(driver.lane.writes(name, "x")), isolation="worktree", permissions="write")
    kept = run.report.get("worktrees") or []
    if driver.lane.like in ABSOLUTE:
        # It takes whole paths alone, and nobody knows the worktree's beforehand.
        path = driver.project / name
        run = driver.call(order(driver.lane.writes(str(path), "x")), permissions="write")
        run.completed()
        expect("the file is there", path.exists(), True)
        path.unlink()
        return
    run.completed()
    expect("worktrees that are kept", len(kept), 1)
    expect("changed files", kept[0]["files"], 1)


ABSOLUTE = {"acp-qwen", "acp-copilot", "acp-claude"}


def cut_frame(driver: Driver) -> None:
    """Half a message is not an answer, however the stream ends after it."""
    since = driver.mark()
    env = driver.lane.environment()
    agent = subprocess.Popen(
        driver.lane.command, cwd=driver.project, env=env, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    try:
        ask(agent, 1, "initialize", protocolVersion=1, clientCapabilities={})
        session = ask(agent, 2, "session/new", cwd=str(driver.project), mcpServers=[])
        prompt = [{"type": "text", "text": "MARK-CUT " * 1000}]
        params = {"sessionId": session["sessionId"], "prompt": prompt}
        line = json.dumps({"jsonrpc": "2.0", "id": 3, "method": "session/prompt", "params": params})
        assert agent.stdin
        agent.stdin.write(line[: len(line) // 2])
        agent.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            agent.wait(driver.patience(10))
    finally:
        agent.kill()
        agent.wait()
    if any("MARK-CUT" in one["marks"] for one in driver.requests(since)):
        raise Wrong("the model was asked a half prompt")
    driver.end_all()


def ask(agent: subprocess.Popen[str], number: int, method: str, **params: object) -> Any:
    request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    assert agent.stdin and agent.stdout
    agent.stdin.write(json.dumps(request) + "\n")
    agent.stdin.flush()
    for line in agent.stdout:
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if message.get("id") == number and "method" not in message:
            if "result" not in message:
                raise Wrong("%s: %s" % (method, message))
            return message["result"]
    raise Wrong("it ended at %s" % method)


def only_reading(driver: Driver) -> None:
    """An agent that may only read writes nothing; one that has no way to is refused."""
    if driver.lane.like != "acp-pi":
        reading(driver)
        return
    run = driver.call("say hello", permissions="read")
    expect("the code", run.failure()[0], "provider_unsupported")


def failing(driver: Driver) -> None:
    """An error of the model's service does not become an answer of the agent."""
    # pi's adapter ends its turn without a word.
    words = () if driver.lane.like == "acp-pi" else ("mock: bad request",)
    fails("[[mock:error=400]]", "provider_failed", *words)(driver)


OVER_ACP: dict[str, Case] = {
    "doctor": doctor,
    "plain": plain,
    "file in a worktree": writing,
    "permissions: read": only_reading,
    "400": failing,
    "cut frame": cut_frame,
    "cancel, silent model": cancel_model,
}
