"""The options that equip the agent of a step: text, folders, tools, images, servers.

Owns: a case for each option in every lane: the agent has it, or the call is refused
before a model is asked. Never: trusts the agent's answer; the requests to the model
service and the effects count.
"""

import pathlib
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any

from cases import expect, order
from driver import Case, Driver, Run, Wrong

SERVER = pathlib.Path(__file__).parent / "mcp_server.py"

# A folder outside of every project, which the settings allow: its name is a mark.
SHARED = "MARK-SHARED"

# An image in the project, while a case wants one.
RED = "red.png"

# What single agents over ACP do not offer; the others do.
LACKS = {
    "acp": {"system", "dirs"},
    "acp-pi": {"system", "dirs", "images", "mcp"},
    "acp-gemini": {"system", "dirs"},
    "acp-qwen": {"system", "dirs", "images"},
    "acp-copilot": {"system", "dirs", "mcp"},
}


def settings(root: pathlib.Path) -> str:
    """What the user of smol-wf allows, as TOML."""
    shared = root / SHARED
    shared.mkdir(exist_ok=True)
    command = "[\"%s\", \"-B\", \"%s\"]" % (sys.executable, SERVER)
    server = "[mcp.mock]\ncommand = %s\nenv = { PONG = \"from-the-user\" }\n" % command
    broken = "[mcp.broken]\ncommand = [\"/nowhere\"]\n"
    return "dirs = [\"%s\"]\n%s%s" % (shared, server, broken)


def keeps(driver: Driver, option: str) -> bool:
    """Whether this agent has it; smol-wf says so, but for what an agent over ACP does
    not offer itself."""
    rows = driver.ask("providers", "--output", "json")["providers"]
    can = next(one for one in rows if one["name"] == driver.lane.name)["capabilities"]
    return bool(can[option]) and option not in LACKS.get(driver.lane.like, set())


def or_refused(option: str, value: object) -> Callable[[Case], Case]:
    """A case that is turned about where the agent does not have the option."""

    def mark(case: Case) -> Case:
        def turned(driver: Driver) -> None:
            if keeps(driver, option):
                case(driver)
                return
            since = driver.mark()
            (driver.project / RED).write_bytes(png())
            run = driver.call("say hello", **{option: value})
            (driver.project / RED).unlink()
            code, message = run.failure()
            expect("the code", code, "provider_unsupported")
            if "`%s`" % option not in message:
                raise Wrong("no `%s` in %r" % (option, message))
            expect("requests", driver.requests(since), [])

        turned.__doc__ = case.__doc__
        return turned

    return mark


def asked(driver: Driver, prompt: str, **options: object) -> tuple[Run, list[dict[str, Any]]]:
    """The requests of this step's agent, without those for the name of a session."""
    since = driver.mark()
    run = driver.call(prompt, **options)
    run.completed()
    return run, [one for one in driver.requests(since) if one["model"] != "mock-small"]


@or_refused("system", "Be brief.")
def system(driver: Driver) -> None:
    """The text reaches the model, beside what the agent says itself, and on correction
    as well."""
    _, requests = asked(driver, "say hello", system='MARK-SYSTEM "quoted" ü\nline')
    expect("it is told", all("MARK-SYSTEM" in one["marks"] for one in requests), True)
    _, requests = asked(driver, "say hello", phase="told")
    expect("its phase tells it", all("MARK-SYSTEM" in one["marks"] for one in requests), True)
    _, requests = asked(driver, "say hello")
    expect("it is told", any("MARK-SYSTEM" in one["marks"] for one in requests), False)


@or_refused("dirs", ["."])
def dirs(driver: Driver) -> None:
    """It is told of the folder and works in it; of another it is not."""
    shared = driver.lane.root.parent / SHARED
    _, requests = asked(driver, "say hello", dirs=[str(shared)], permissions="write")
    expect("it is told", any(SHARED in one["marks"] for one in requests), True)
    name = driver.lane.name + ".txt"
    writes = order(driver.lane.writes(str(shared / name), "x"))
    driver.call(writes, dirs=[str(shared)], permissions="write")
    expect("the file is there", (shared / name).exists(), True)
    run = driver.call("say hello", dirs=[str(driver.lane.root)])
    code, message = run.failure()
    expect("the code", code, "call_invalid")
    if "outside of the project" not in message:
        raise Wrong("the message is %r" % message)


@or_refused("maxTurns", 1)
def max_turns(driver: Driver) -> None:
    """It ends at its last turn, and not before."""
    tool = order(driver.lane.shell("echo hi"))
    _, requests = asked(driver, tool, maxTurns=2)
    expect("requests", len(requests), 2)
    code, message = driver.call(tool, maxTurns=1, retry={"maxAttempts": 1}).failure()
    expect("the code", code, "provider_failed")
    if "maximum number of turns" not in message:
        raise Wrong("the message is %r" % message)


@or_refused("tools", ["Read"])
def tools(driver: Driver) -> None:
    """It has these tools and no others, with a schema one more, and with `read` fewer."""
    own = {"claude-code": ["Grep", "Read"]}.get(driver.lane.like, ["grep", "read"])
    _, requests = asked(driver, "say hello", tools=["Read", "Grep"])
    expect("the tools", requests[-1]["tools"], own)
    _, requests = asked(driver, "say hello", tools=["Read", "Bash"], permissions="read")
    expect("the tools", requests[-1]["tools"], own[1:])
    run, requests = asked(driver, "[[mock:json={\"n\": 1}]]", tools=[], schema={"type": "object"})
    expect("the answer", run.report["results"], {"n": 1})
    expect("tools", len(requests[-1]["tools"]), 1)
    driver.call(order(driver.lane.shell("touch held.txt")), tools=["Read"])
    expect("the command ran", (driver.project / "held.txt").exists(), False)
    code, message = driver.call("say hello", tools=["mcp__a__b"]).failure()
    expect("the code", code, "provider_unsupported")
    if "mcp__a__b" not in message:
        raise Wrong("the message is %r" % message)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png() -> bytes:
    """A red square."""
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff\0\0" * 8) * 8)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@or_refused("images", [RED])
def images(driver: Driver) -> None:
    """The model is shown them, and the prompt is as it was."""
    red = driver.project / RED
    red.write_bytes(png())
    try:
        run, requests = asked(driver, "[[mock:text=seen]] what is it?", images=[RED, RED])
        expect("the answer", run.report["results"], "seen")
        expect("images", max(one["images"] for one in requests), 2)
    finally:
        red.unlink()


@or_refused("mcp", ["mock"])
def mcp(driver: Driver) -> None:
    """It has the server's tool, which runs with the variables that its user has set;
    another step does not have it; a server that does not come up fails the step."""
    _, requests = asked(driver, "say hello", mcp=["mock"])
    offered = [tool for one in requests for tool in one["tools"] if tool.endswith("ping")]
    # Claude Code keeps such tools behind a search.
    name = offered[0] if offered else "mcp__mock__ping"
    # Qwen Code does not say whose tool it asks leave for.
    flags = ["--asks", "allow"] if driver.lane.like == "acp-qwen" else []
    run = driver.call(order((name, {})), *flags, mcp=["mock"])
    run.completed()
    if "pong from-the-user" not in run.report["results"]:
        raise Wrong("%s: the answer is %r" % (name, run.report["results"]))
    run, requests = asked(driver, order((name, {})))
    if "pong" in str(run.report["results"]):
        raise Wrong("another step has it: %r" % run.report["results"])
    code, message = driver.call("say hello", mcp=["mock"], permissions="read").failure()
    expect("the code", code, "provider_unsupported")
    code, message = driver.call("say hello", mcp=["unheard-of"]).failure()
    expect("the code", "%s %s" % (code, "unheard-of" in message), "call_invalid True")
    if not driver.lane.like.startswith("acp"):
        code, message = driver.call("say hello", mcp=["broken"], retry={"maxAttempts": 1}).failure()
        expect("the server is named", "broken" in message, True)
    driver.gone()


def session(driver: Driver) -> None:
    """A step that continues the session of an earlier one sees its words; a call that
    names a session that was never begun is refused. An agent that cannot find its own
    session any more says so."""
    prompts = ["[[mock:resumed=gone on]] begin", "[[mock:resumed=gone on]] go on"]
    run = driver.finish(driver.start("session.mjs", {"prompts": prompts}))
    if driver.lane.like == "acp-gemini":
        # It says that it takes sessions up, and does not find what it has not written.
        code, message = run.failure()
        expect("the code", "%s %s" % (code, "cannot go on" in message), "provider_failed True")
        return
    run.completed()
    expect("the second answer", run.report["results"][1], "gone on")
    sessions = {one["metadata"]["sessionId"] for one in run.completed()}
    expect("sessions", len(sessions), 1)
    run = driver.call("say hello", session="nobody")
    expect("exit code", run.code, 1)
    if "names `nobody`" not in run.stderr:
        raise Wrong("it says %r" % run.stderr[-300:])


GIVEN: dict[str, Case] = {
    "system": system,
    "dirs": dirs,
    "maxTurns": max_turns,
    "tools": tools,
    "images": images,
    "mcp": mcp,
    "session": session,
}
