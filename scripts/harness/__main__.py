"""Installs ts/harness with the real Claude Code, Codex, opencode and pi, and looks
whether their models hear of it and can run a workflow with its tools.

Owns: a marked copy of the package, one host each, the verdict. Never: installs the
hosts; scripts/harness.sh does, and takes the network away.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "real-agents"))

from driver import slower  # noqa: E402  (in the folder beside this one)
from lanes import Lane  # noqa: E402
from net import loopback_up, only_loopback, start_mock  # noqa: E402

PROJECT = HERE.parent.parent
PACKAGE = "ts/harness"
SKILL = "skills/smol-workflows/SKILL.md"

# Longest that one command of a host may take on an idle machine.
SECONDS = 60

# A prompt that the service answers with a word.
PROMPT = "[[mock:text=ok]] say ok"


class Wrong(Exception):
    """A host does not have the package; the message says what it has."""


class Host:
    """One host with a home of its own, a project, and a copy of the package."""

    def __init__(self, lane: Lane, smol_wf: pathlib.Path, log: pathlib.Path) -> None:
        self.lane, self.smol_wf, self.log = lane, smol_wf, log
        tools = lane.root / "tools"
        tools.mkdir()
        (tools / "smol-wf").symlink_to(smol_wf)
        self.env = {
            "PATH": "%s:%s:/usr/local/bin:/usr/bin:/bin" % (tools, lane.bin),
            "HOME": str(lane.home),
            "TMPDIR": str(lane.root / "tmp"),
            "LANG": "C.UTF-8",
            **lane.env,
        }
        self.package = self.marked_copy()

    def marked_copy(self) -> pathlib.Path:
        """What a user clones, where the skill and a workflow have a word that the log
        of the service looks for."""
        copy = self.lane.root / "clone"
        for name in (".claude-plugin", ".agents", PACKAGE):
            shutil.copytree(PROJECT / name, copy / name)
        mark(copy / PACKAGE / SKILL, "\ndescription: ", "MARK-PACKAGE")
        mark(copy / PACKAGE / "workflows/code-review.js", "\n  description: '", "MARK-WORKFLOW")
        return copy

    def run(self, *words: str | pathlib.Path, cwd: pathlib.Path, stdin: str = "") -> str:
        argv = [str(word) for word in words]
        done = subprocess.run(
            argv, cwd=cwd, env=self.env, input=stdin, capture_output=True, text=True, timeout=SECONDS * slower(), check=False
        )
        if done.returncode != 0:
            raise Wrong("%s: exit %d: %s" % (" ".join(argv), done.returncode, (done.stdout + done.stderr)[-1000:]))
        return done.stdout

    def host(self, *words: str | pathlib.Path) -> str:
        """A command of the host, in the clone."""
        return self.run(self.lane.program, *words, cwd=self.package)

    def marks(self, project: pathlib.Path, *words: str, prompt: str = PROMPT) -> set[str]:
        """The marks that the model of a session in this project has seen."""
        return {one for line in self.asked(project, words, prompt) for one in line["marks"]}

    def asked(self, project: pathlib.Path, words: tuple[str, ...], prompt: str = PROMPT) -> list[dict[str, Any]]:
        """What the model of a session in this project was asked."""
        since = os.path.getsize(self.log)
        self.run(self.lane.program, *words, cwd=project, stdin=prompt)
        with open(self.log, encoding="utf-8") as log:
            log.seek(since)
            lines = [json.loads(line) for line in log if line.endswith("\n")]
        mine = [line for line in lines if line["path"].startswith("/%s/" % self.lane.name)]
        if not mine:
            raise Wrong("its model was not asked")
        return mine

    def project(self, name: str) -> pathlib.Path:
        folder = self.lane.root / name
        folder.mkdir()
        self.run("git", "init", "-q", cwd=folder)
        return folder


def mark(file: pathlib.Path, behind: str, word: str) -> None:
    text = file.read_text()
    if text.count(behind) != 1:
        raise Wrong("%s has %d times %r" % (file, text.count(behind), behind))
    file.write_text(text.replace(behind, "%s%s " % (behind, word)))


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Wrong("%s: %r, not %r" % (what, found, wanted))


def provided(host: Host, folder: pathlib.Path) -> dict[str, Any]:
    """What Claude Code takes from a plugin. Files that it cannot use are left out
    without a word, so the list is what counts."""
    report = json.loads(host.host("plugin", "validate", folder, "--strict", "--json"))
    return {kind: names for kind, names in report["provides"].items() if names}


def claude(host: Host) -> None:
    folder = host.package / PACKAGE
    names = ["smol-workflows:" + file.stem for file in sorted((PROJECT / PACKAGE / "workflows").iterdir())]
    server = {"name": "smol-wf", "type": "stdio", "target": "smol-wf", "args": ["mcp"]}
    wanted = {"mcpServers": [server], "skills": ["smol-workflows:smol-workflows"], "workflows": names}
    expect("what Claude Code takes", provided(host, folder), wanted)
    host.host("plugin", "validate", folder, "--profile", "directory")
    host.host("plugin", "validate", host.package, "--strict")
    # The check would see a workflow that is dropped.
    broken = host.lane.root / "broken"
    shutil.copytree(folder, broken)
    (broken / "workflows/code-review.js").write_text("export default 1\n")
    expect("what it takes of a broken one", provided(host, broken)["workflows"], names[1:])
    host.host("plugin", "marketplace", "add", host.package)
    host.host("plugin", "install", "smol-workflows@smol-wf")


def codex(host: Host) -> None:
    config = host.lane.home / ".codex/config.toml"
    config.write_text(config.read_text().replace("plugins = false", "plugins = true"))
    host.host("plugin", "marketplace", "add", host.package)
    host.host("plugin", "add", "smol-workflows@smol-wf")


def opencode(host: Host) -> None:
    file = host.lane.home / "config/opencode/opencode.json"
    # Before its first plugin it fetches a library for plugins, which ours does not
    # use: here it is told that it has.
    (file.parent / "node_modules").mkdir()
    library = {"dependencies": {"@opencode-ai/plugin": "*"}}
    (file.parent / "package-lock.json").write_text(json.dumps({"packages": {"": library}}))
    config = json.loads(file.read_text()) | {"plugin": [str(host.package / PACKAGE)]}
    file.write_text(json.dumps(config))
    commands = json.loads(host.host("debug", "config"))["command"]
    expect("its commands", list(commands), ["smol-wf"])


def pi(host: Host) -> None:
    host.host("install", host.package / PACKAGE)


# How each takes the package, and the words of a session, which reads its prompt from
# stdin. A project's skills are for pi's user to approve.
HOSTS: dict[str, tuple[Callable[[Host], None], list[str]]] = {
    "claude-code": (claude, ["-p"]),
    "codex": (codex, ["exec", "--skip-git-repo-check", "-"]),
    "opencode": (opencode, ["run", "--title", "t"]),
    "pi": (pi, ["-p", "--approve"]),
}


# What a tool of the server is called in each, and the words of a session that may call
# it. Codex asks before each call, and nobody is there.
TOOLS: dict[str, tuple[str, list[str]]] = {
    "claude-code": ("mcp__plugin_smol-workflows_smol-wf__%s", ["-p", "--allowedTools", "mcp__plugin_smol-workflows_smol-wf"]),
    "codex": ("mcp__smol_wf__%s", ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-"]),
}


def runs_a_workflow(host: Host) -> None:
    """A model starts a run with one session, waits for it with the next, and reads its
    result with a third: each has a server of its own, and the run outlives them."""
    named, session = TOOLS[host.lane.name]
    project = host.project("runs")
    script = "export const meta = { name: 'w', description: 'd' }\nreturn await agent('MARK-RAN')\n"
    (project / "w.mjs").write_text(script)

    def call(tool: str, **arguments: object) -> set[str]:
        order = "[[mock:tool=%s %s]]" % (named % tool, json.dumps(arguments))
        return host.marks(project, *session, prompt=order)

    call("workflow_run", workflow="w.mjs", cwd=str(project), debug=True)
    runs = json.loads(host.run(host.smol_wf, "history", "--json", cwd=project))["runs"]
    expect("the number of runs", len(runs), 1)
    run = runs[0]["runId"]
    call("workflow_status", runId=run, wait=60)
    expect("what the model reads", "MARK-RAN" in call("workflow_result", runId=run), True)


def check(host: Host) -> None:
    """The skill that `llm skills` writes into a project is found, and then the package."""
    install, session = HOSTS[host.lane.name]
    is_claude = host.lane.name == "claude-code"
    project = host.project("project")
    host.run(host.smol_wf, "llm", "skills", "--claude" if is_claude else "--agents", cwd=project)
    for file in project.glob(".*/" + SKILL):
        mark(file, "\ndescription: ", "MARK-PROJECT")
    expect("of the skill in a project", host.marks(project, *session), {"MARK-PROJECT"})
    install(host)
    wanted = {"MARK-PACKAGE"} | ({"MARK-WORKFLOW"} if is_claude else set())
    requests = host.asked(host.project("other"), tuple(session))
    expect("of the package", {one for line in requests for one in line["marks"]}, wanted)
    if host.lane.name == "opencode":
        expect("its tools", any("smol-wf_workflow_run" in line["tools"] for line in requests), True)
    if host.lane.name in TOOLS:
        runs_a_workflow(host)


def verdict(host: Host) -> bool:
    began = time.monotonic()
    try:
        check(host)
        problem = ""
    except (Wrong, subprocess.TimeoutExpired, KeyError, ValueError) as error:
        problem = "\n      %s: %s" % (type(error).__name__, error)
    said = "FAIL" if problem else "PASS"
    print("%s  %-12s %5.1f s%s" % (said, host.lane.name, time.monotonic() - began, problem), flush=True)
    return not problem


class Wanted(argparse.Namespace):
    smol_wf: pathlib.Path
    agents: pathlib.Path
    host: list[str] | None
    keep: bool


def main() -> None:
    parser = argparse.ArgumentParser(prog="harness", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--smol-wf", required=True, type=pathlib.Path, help="the program")
    parser.add_argument("--agents", required=True, type=pathlib.Path, help="has bin/claude etc.")
    parser.add_argument("--host", action="append", choices=HOSTS, help="only this one")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the homes")
    wanted = parser.parse_args(namespace=Wanted())
    loopback_up()
    if not only_loopback():
        sys.exit("harness: there is a network here; run it with scripts/harness.sh")
    root = pathlib.Path(tempfile.mkdtemp(prefix="harness-"))
    log = root / "requests.jsonl"
    mock, port = start_mock(log)
    try:
        lanes = [Lane(name, wanted.agents.resolve(), root, port) for name in wanted.host or HOSTS]
        hosts = [Host(lane, wanted.smol_wf.resolve(), log) for lane in lanes]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            held = list(pool.map(verdict, hosts))
        sys.exit(0 if all(held) else 1)
    finally:
        mock.terminate()
        mock.wait()
        if wanted.keep:
            print("kept: %s" % root)
        else:
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
