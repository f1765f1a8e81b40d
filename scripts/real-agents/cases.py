"""The cases that must hold for every agent.

Owns: the table. A case gets the driver of its lane and raises `Wrong` if it fails.
"""

import contextlib
import functools
import hashlib
import json
import math
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from driver import Case, Driver, Run, Started, Wrong
from lanes import Tool

# Files of the user, by their path below the home folder, with their content.
Files = Mapping[str, object]

# What the mock reports for each answer.
TOKENS_IN, TOKENS_OUT = 188, 22

# One argument of a program may have 128 KiB: this prompt cannot be one.
LONG = "0123456789 abcdef " * 11_650 + "end"

# Quotes, an argument's look, line separators, emoji of several code points,
# right-to-left text, an escape that is none.
UNICODE = '--help "$HOME" \\n `x` \u2028 \u2029 naïve 日本語 👩‍👩‍👧 \u202eabc ~ ü'


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Wrong("%s: %r, and not %r" % (what, found, wanted))


def accounts(driver: Driver, run: Run, since: int) -> None:
    """Tokens, model, session and dollars are what the mock has served."""
    done = run.completed()
    served = [one for one in driver.requests(since) if one["model"] != "mock-small"]
    expect("input tokens", run.report["tokenUsage"]["inputTokens"], TOKENS_IN * len(served))
    expect("output tokens", run.report["tokenUsage"]["outputTokens"], TOKENS_OUT * len(served))
    models = {one["data"]["model"].rpartition("/")[2] for one in done}
    expect("models", models, {driver.lane.model})
    by_model = run.report["usage"]["byModel"]
    expect("steps by model", sum(one["calls"] for one in by_model), len(done))
    expect("providers", {one["metadata"]["provider"] for one in done}, {driver.lane.name})
    sessions = {one["metadata"].get("sessionId") for one in done}
    if None in sessions or len(sessions) != len(done):
        raise Wrong("sessions %s of %d steps" % (sessions, len(done)))
    expect("sessions in the report", {one["sessionId"] for one in run.report["sessions"]}, sessions)
    dollars(driver, run, len(served))


def dollars(driver: Driver, run: Run, answers: int) -> None:
    wanted = answers * COSTS[driver.lane.like]
    if not math.isclose(run.report["costUsd"], wanted, rel_tol=1e-6):
        raise Wrong("$%s, and not $%s" % (run.report["costUsd"], wanted))


# Of one answer, in dollars: 111 tokens read, 33 from the cache, 44 into it, 22
# written. Chat completions know no writing into the cache: there it is 155 read.
CHAT = (155 * 1 + 33 * 0.5 + 22 * 2) / 1e6
SONNET = (111 * 3 + 33 * 0.3 + 44 * 3.75 + 22 * 15) / 1e6
COSTS = {
    "claude-code": SONNET,
    "codex": CHAT,
    "opencode": CHAT,
    "pi": CHAT,
    "acp": CHAT,
    "acp-claude": SONNET,
}


# Cases of single agents, by lane.
LANES: dict[Case, tuple[str, ...]] = {}


def only(*lanes: str) -> Callable[[Case], Case]:
    """Marks a case for these agents only."""

    def mark(case: Case) -> Case:
        LANES[case] = lanes
        return case

    return mark


def doctor(driver: Driver) -> None:
    """It is found, and says its version; over ACP nobody is asked for one."""
    agents = driver.ask("doctor", "--output", "json")["agents"]
    found = next(one for one in agents if one["name"] == driver.lane.name)
    expect("usable", found["usable"], True)
    expect("has a version", found["version"] is not None, not driver.lane.like.startswith("acp"))


def plain(driver: Driver) -> None:
    since = driver.mark()
    run = driver.call("say hello")
    run.completed()
    text = run.report["results"]
    if not text.startswith("mock reply: say hello"):
        raise Wrong("the answer is %r" % text)
    accounts(driver, run, since)


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "count": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "count", "tags"],
}


def structured(driver: Driver) -> None:
    since = driver.mark()
    wanted = {"name": "ü", "count": 3, "tags": ["a", "b"]}
    run = driver.call("[[mock:json=%s]]" % json.dumps(wanted), schema=SCHEMA)
    expect("the answer", run.report["results"], wanted)
    accounts(driver, run, since)


def array(driver: Driver) -> None:
    """A schema whose root is not an object."""
    schema = {"type": "array", "items": {"type": "integer"}, "minItems": 2}
    run = driver.call("some numbers", schema=schema)
    run.completed()
    expect("the answer", run.report["results"], [42, 42])


def echoed(driver: Driver, prompt: str) -> str:
    """The prompt arrives as it was written."""
    return arrived(driver, prompt, lambda: driver.call(prompt))


def arrived(driver: Driver, prompt: str, call: Callable[[], Run]) -> str:
    since = driver.mark()
    run = call()
    run.completed()
    digest = hashlib.sha256(prompt.encode()).hexdigest()
    if digest not in [one["promptDigest"] for one in driver.requests(since)]:
        raise Wrong("it did not arrive as it was written")
    return str(run.report["results"])


def long_prompt(driver: Driver) -> None:
    expect("the start", echoed(driver, LONG)[:22], "mock reply: 0123456789")


# From one line to more than any pipe holds, in characters.
SIZES = [1_000, 65_536, 65_544, 400_000, 1_000_000, 3_000_000]

# What Codex itself refuses to take.
CODEX_MAX = 1_048_576


@only("claude-code", "codex", "pi")
def sizes(driver: Driver) -> None:
    """Prompts of all sizes arrive whole where they are read to the end of stdin:
    their digests are equal."""
    for size in SIZES:
        if driver.lane.like == "codex" and size > CODEX_MAX:
            continue
        piece = "%07d;" % size
        # No argument of a run is that long, so its script makes it.
        times = size // len(piece)
        given = {"prompt": piece, "times": times, "options": {}}
        arrived(driver, piece * times, functools.partial(driver.run, "call.mjs", given))


def unicode(driver: Driver) -> None:
    answer = echoed(driver, UNICODE)
    if UNICODE not in answer:
        raise Wrong("the answer is %r" % answer)


def order(tool: Tool) -> str:
    name, arguments = tool
    return "[[mock:tool=%s %s]]" % (name, json.dumps(arguments))


def worktree(driver: Driver) -> None:
    """A tool writes a file in the step's own worktree."""
    since = driver.mark()
    prompt = order(driver.lane.writes("made.txt", "made by an agent"))
    run = driver.call(prompt, isolation="worktree", permissions="write")
    run.completed()
    kept = run.report.get("worktrees") or []
    expect("worktrees that are kept", len(kept), 1)
    expect("changed files", kept[0]["files"], 1)
    with open(kept[0]["path"] + "/made.txt", encoding="utf-8") as made:
        expect("the file", made.read(), "made by an agent")
    if (driver.project / "made.txt").exists():
        raise Wrong("the file is in the project too")
    # Over ACP, opencode tells the tokens of the last of its two requests alone.
    if driver.lane.like != "acp":
        accounts(driver, run, since)


def reading(driver: Driver) -> None:
    """An agent that may only read writes nothing."""
    since = driver.mark()
    driver.call(order(driver.lane.writes("unwanted.txt", "x")), permissions="read")
    if not driver.requests(since):
        raise Wrong("no model was asked")
    if (driver.project / "unwanted.txt").exists():
        raise Wrong("the file was written")


def fails(prompt: str, code: str, *words: str, **options: Any) -> Case:
    """A case in which the step fails with this code, for a cause in these words.

    `WORDS` maps them to an agent's own words, by lane.
    """

    def case(driver: Driver) -> None:
        run = driver.call(prompt, retry={"maxAttempts": 1}, **options)
        found, message = run.failure()
        expect("the code", "%s (%s)" % (found, message), "%s (%s)" % (code, message))
        wanted = [WORDS.get((driver.lane.like, word), word) for word in words]
        missing = [word for word in wanted if word.lower() not in message.lower()]
        if missing:
            raise Wrong("no %s in %r" % (missing, message))
        driver.gone()

    return case


def shut_out(driver: Driver) -> None:
    """A rate limit of two hours, for which smol-wf does not wait."""
    words = "[[mock:error=429]] [[mock:retry-after=7200]]"
    run = driver.call(words, "--idle-timeout", "30s", retry={"maxAttempts": 1})
    # Over ACP an agent does not report it; it is only silent.
    wanted = "provider_timeout" if driver.lane.like == "acp" else "provider_rate_limit"
    expect("the code", run.failure()[0], wanted)
    # These two wait in silence; the others give up at once, and do not say until when.
    waits = driver.lane.like in ("codex", "opencode")
    expect("exit code", run.code, 5 if waits else 1)
    driver.gone()


# Agents that do not pass on the message of the service.
WORDS = {
    ("codex", "rate limited"): "429 Too Many Requests",
    ("codex", "internal server error"): "high demand",
}


def cancel_model(driver: Driver) -> None:
    """Ctrl-C while the model is silent in the middle of an answer."""
    since = driver.mark()
    process = driver.start_call("[[mock:stall]] wait")
    driver.until("the model is asked", 60, lambda: driver.requests(since))
    expect("exit code", driver.interrupt(process).code, 130)
    driver.gone()


# Claude Code refuses one long `sleep`.
WAITS = "while true; do sleep 1; done"


def tool_at_work(driver: Driver) -> Started:
    """A run whose agent runs a command, in a session of the command's own."""
    process = driver.start_call(order(driver.lane.shell(WAITS)), permissions="write")
    driver.until("the command runs", 60, lambda: any(WAITS in words for words in driver.processes().values()))
    return process


def cancel_tool(driver: Driver) -> None:
    """Ctrl-C while a command of the agent's runs."""
    expect("exit code", driver.interrupt(tool_at_work(driver)).code, 130)
    driver.gone()


def killed(driver: Driver) -> None:
    """The next run ends processes that outlive a smol-wf that was killed."""
    process = tool_at_work(driver)
    process.kill()
    process.wait()
    driver.call("say hello").completed()
    driver.gone()


# The first answer lacks what its `n` demands, which no agent checks by itself.
DEMANDING = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "b": {"type": "string"}},
    "required": ["n"],
    "dependentRequired": {"n": ["b"]},
}


def repair(driver: Driver) -> None:
    """A correction goes on with the same session.

    The mock gives the second answer only to a conversation that has the first
    prompt in it.
    """
    prompt = '[[mock:json={"n": 1}]] [[mock:next={"n": 2, "b": "again"}]]'
    since = driver.mark()
    run = driver.call(prompt, schema=DEMANDING)
    expect("the answer", run.completed() and run.report["results"], {"n": 2, "b": "again"})
    # pi lets its model try the first answer again and again, and is ended by
    # smol-wf in the middle of a request, which nobody can account for.
    if driver.lane.like != "pi":
        accounts(driver, run, since)


def silent(driver: Driver) -> None:
    """An agent that falls silent is ended, and goes on in its session.

    The mock answers only a conversation that holds the unanswered prompt.
    """
    run = driver.call("[[mock:stall]] [[mock:resumed=there]]", "--idle-timeout", driver.lasting(12))
    expect("the answer", run.completed() and run.report["results"], "there")
    expect("attempts", run.completed()[0]["data"]["attempts"], 2)
    expect("sessions", len({one["sessionId"] for one in run.report["sessions"]}), 1)


def example(driver: Driver) -> None:
    """The example with the real agent; the challenge asks for high effort."""
    since = driver.mark()
    run = driver.run("pod-diagnostics.mjs", {}, "--save-raw-sessions", str(driver.sessions))
    accounts(driver, run, since)
    phases = {one["title"]: one["agents"] for one in run.report["phases"]}
    expect("agents by phase", phases, {"Discover": 1, "Inspect": 2, "Summarise": 1})
    expect("healthy", run.report["results"]["healthy"], False)
    expect("answered", run.report["agents"]["completed"], 4)
    kept = {path.stem for path in (driver.sessions / driver.lane.name).iterdir()}
    named = {one["metadata"]["sessionId"] for one in run.all("agent_completed")}
    expect("kept sessions", kept, named)
    driver.gone()


@contextlib.contextmanager
def written(driver: Driver, files: Files) -> Iterator[None]:
    """The user's own settings, for one case."""
    before = {name: read(driver.lane.home / name) for name in files}
    try:
        for name, content in files.items():
            driver.lane.write(name, content)
        yield
    finally:
        for name, text in before.items():
            if text is None:
                (driver.lane.home / name).unlink()
            else:
                driver.lane.write(name, text)


def read(path: pathlib.Path) -> str | None:
    return path.read_text() if path.exists() else None


def not_made(driver: Driver, what: str, files: Files, order_of: str, **options: Any) -> None:
    """With these settings of the user's, the model's orders are not carried out."""
    with written(driver, files):
        since = driver.mark()
        driver.call(order_of, **options)
        if not driver.requests(since):
            raise Wrong("%s: no model was asked" % what)
        if (driver.project / "refused.txt").exists():
            (driver.project / "refused.txt").unlink()
            raise Wrong("%s: the file was made" % what)


def settings(**permissions: object) -> Files:
    return {".claude/settings.json": {"permissions": permissions}}


@only("claude-code")
def rules_of_claude(driver: Driver) -> None:
    """What the user's rules deny or ask, and modes that edit nothing, stand above
    `permissions: 'write'`."""
    write = order(driver.lane.writes("refused.txt", "x"))
    touch = order(driver.lane.shell("touch refused.txt"))
    refuses = functools.partial(not_made, driver, permissions="write")
    refuses("a rule that denies", settings(deny=["Edit(refused.txt)"]), write)
    refuses("a rule that asks", settings(ask=["Write"]), write)
    refuses("a denied command", settings(allow=["Bash"], deny=["Bash(touch *)"]), touch)
    refuses("an asked command", settings(allow=["Bash"], ask=["Bash(touch *)"]), touch)
    with written(driver, settings(ask=["Bash(touch *)"])):
        run = driver.call(touch)
        expect("asks refused", run.report["asks"]["refused"], 1)
        driver.call(touch, "--asks", "allow").completed()
        expect("the file is there", (driver.project / "refused.txt").exists(), True)
        (driver.project / "refused.txt").unlink()
    refuses("the mode plan", settings(defaultMode="plan"), write)
    refuses("the mode dontAsk", settings(defaultMode="dontAsk"), write)
    agent = "---\nname: looker\ndescription: looks\npermissionMode: plan\n---\nYou look.\n"
    looker = {".claude/agents/looker.md": agent}
    refuses("an agent that plans", looker, write, agentType="looker")
    tools = {".claude/agents/looker.md": agent.replace("permissionMode: plan", "tools: Read")}
    refuses("an agent without the tool", tools, write, agentType="looker")


@only("codex")
def rules_of_codex(driver: Driver) -> None:
    """Rules for commands, `read-only` and profiles of permissions stand above
    `permissions: 'write'`."""
    touch = order(driver.lane.shell("touch refused.txt"))
    refuses = functools.partial(not_made, driver, order_of=touch, permissions="write")
    for decision in ("forbidden", "prompt"):
        rule = 'prefix_rule(pattern=["touch"], decision="%s")\n' % decision
        refuses("a rule: " + decision, {".codex/rules/default.rules": rule})
    with written(driver, {".codex/rules/default.rules": rule}):
        # Nobody could allow it in a round of Codex's: its rule alone can.
        for flags in ((), ("--asks", "allow")):
            run = driver.call(touch, *flags, permissions="write")
            asks = run.report["asks"]
            expect("asks refused", asks["refused"], 1)
            expect("what", asks["steps"][0]["asks"][0]["what"], "shell touch refused.txt")
            if "--asks" in run.stderr or 'decision = "allow"' not in run.stderr:
                raise Wrong("nobody is told how to allow it: %s" % run.stderr)
    config = (driver.lane.home / ".codex/config.toml").read_text()
    refuses("read-only", {".codex/config.toml": 'sandbox_mode = "read-only"\n' + config})
    profile = '\n[permissions.strict.filesystem]\n":minimal" = "read"\n":project_roots" = "read"\n'
    strict = {".codex/config.toml": 'default_permissions = "strict"\n' + config + profile}
    refuses("a profile", strict)
    with written(driver, strict):
        run = driver.call("hi", permissions="read", retry={"maxAttempts": 1})
        expect("the code", run.failure()[0], "provider_unsupported")


def restricted(driver: Driver) -> None:
    """An option that restricts is held, or refused before anything is spent."""
    touch = order(driver.lane.shell("touch refused.txt"))
    options = [{"bashCommandClamp": ["ls *"]}]
    if driver.lane.like == "claude-code":
        # Its settings allow all of Bash.
        for entry in ("Bash", "Bash(touch *)"):
            not_made(driver, entry, {}, touch, permissions="write", disallowedTools=[entry])
    else:
        options.append({"disallowedTools": ["Bash"]})
    for one in options:
        since = driver.mark()
        run = driver.call(touch, **one)
        expect("the code", run.failure()[0], "provider_unsupported")
        expect("requests", driver.requests(since), [])


GATE = """export default function (pi) {
  pi.on("tool_call", async (event, ctx) => {
    const input = JSON.stringify(event.input ?? {});
    if (input.includes("secret")) return { block: true, reason: "the gate says no" };
    if (!input.includes("asked")) return;
    const may = await ctx.ui.confirm("asked", "May it?");
    if (!may) return { block: true, reason: "nobody says yes" };
  });
}
"""


@only("pi")
def rules_of_pi(driver: Driver) -> None:
    """An extension that refuses keeps refusing, also where its tools are left out;
    what it asks, pi itself answers with no."""
    (driver.project / "secret.txt").write_text("hush")
    with written(driver, {"agent/extensions/gate.js": GATE}):
        for permissions in ("read", "write"):
            run = driver.call(order(("read", {"path": "secret.txt"})), permissions=permissions)
            run.completed()
            if "the gate says no" not in run.report["results"]:
                raise Wrong("%s: the answer is %r" % (permissions, run.report["results"]))
        run = driver.call(order(driver.lane.shell("touch asked.txt")), "--asks", "allow")
        run.completed()
        if "nobody says yes" not in run.report["results"]:
            raise Wrong("the answer is %r" % run.report["results"])
        expect("what was asked for was done", (driver.project / "asked.txt").exists(), False)


def background(driver: Driver, tool: Tool, **options: Any) -> None:
    """Work in the background is waited for, and the turn after it is the answer."""
    since = driver.mark()
    run = driver.call(order(tool), permissions="write", **options)
    run.completed()
    if run.report["results"].startswith("tool said"):
        raise Wrong("the answer is that of before: %r" % run.report["results"])
    served = [one for one in driver.requests(since) if one["model"] != "mock-small"]
    expect("input tokens", run.report["tokenUsage"]["inputTokens"], TOKENS_IN * len(served))
    expect("output tokens", run.report["tokenUsage"]["outputTokens"], TOKENS_OUT * len(served))
    dollars(driver, run, len(served))
    driver.gone()


@only("claude-code")
def background_command(driver: Driver) -> None:
    counts = "for i in 1 2 3 4 5 6 7 8; do sleep 1; done"
    given = {"command": counts, "run_in_background": True, "description": "counts"}
    background(driver, ("Bash", given))


SUBAGENT = ("Agent", {
    "description": "a subagent",
    "prompt": "say something",
    "subagent_type": "general-purpose",
    "run_in_background": True,
})


@only("claude-code")
def background_agent(driver: Driver) -> None:
    background(driver, SUBAGENT, provider=driver.lane.of_variant("claude-nested"))


@only("claude-code")
def no_other_agents(driver: Driver) -> None:
    """The tools that start others are not there."""
    run = driver.call(order(SUBAGENT))
    run.completed()
    if "No such tool" not in run.report["results"]:
        raise Wrong("the answer is %r" % run.report["results"])


@only("claude-code")
def own_settings_login(driver: Driver) -> None:
    """Logged in through `env` of its own settings."""
    agents = driver.ask("doctor", "--output", "json")["agents"]
    found = next(one for one in agents if one["name"] == driver.lane.of_variant("claude-gateway"))
    expect("usable", found["usable"], True)
    run = driver.call("say hello", provider=driver.lane.of_variant("claude-gateway"))
    run.completed()


CASES: dict[str, Case] = {
    "doctor": doctor,
    "plain": plain,
    "structured": structured,
    "structured, no object": array,
    "200 KB prompt": long_prompt,
    "prompts of all sizes": sizes,
    "unicode prompt": unicode,
    "file in a worktree": worktree,
    "permissions: read": reading,
    "options that restrict": restricted,
    "the user's rules, claude": rules_of_claude,
    "the user's rules, codex": rules_of_codex,
    "the user's rules, pi": rules_of_pi,
    "a command in the background": background_command,
    "a subagent in the background": background_agent,
    "no other agents": no_other_agents,
    "login in its own settings": own_settings_login,
    "401": fails("[[mock:error=401]]", "provider_auth", "invalid api key"),
    "429": fails("[[mock:error=429]]", "provider_rate_limit", "rate limited"),
    "429, back in two hours": shut_out,
    "500": fails("[[mock:error=500]]", "provider_unavailable", "internal server error"),
    "cut stream": fails("[[mock:cut]]", "provider_cut_stream"),
    "invalid model": fails("hi", "provider_model", "no-such-model", model="no-such-model"),
    "cancel, silent model": cancel_model,
    "cancel, running tool": cancel_tool,
    "kill -9, another run": killed,
    "repair in the session": repair,
    "silent, then on in the session": silent,
    "pod-diagnostics": example,
}
