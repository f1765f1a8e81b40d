"""One run of smol-wf with a real agent, and what it leaves behind.

Owns: starting it, reading its output, finding leftovers. Never: decides what is
right.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lanes import Lane

HERE = pathlib.Path(__file__).parent
SCRIPTS = [HERE / "call.mjs", HERE / "many.mjs", HERE / "session.mjs", HERE.parent.parent / "examples/pod-diagnostics.mjs"]

# Longest that a case may take on an idle machine, whatever its agent does.
CASE_SECONDS = 150

# Longest that one agent may take on an idle machine.
AGENT_SECONDS = 100

# Most times longer that a busy machine may take.
SLOWER_MAX = 12

# Ending an agent: 3 s after SIGTERM comes SIGKILL; the rest is a busy machine.
GONE_SECONDS = 15


def slower() -> float:
    """How much longer everything takes just now: processes that want to run, by
    those that can."""
    return min(SLOWER_MAX, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


class Wrong(Exception):
    """A case failed; the message says why."""


Event = dict[str, Any]

Report = dict[str, Any]


class Started(subprocess.Popen[bytes]):
    """A run that was started, and the folder of its output."""

    folder: pathlib.Path


class Run:
    """The output of one run."""

    def __init__(self, code: int, events: list[Event], report: Report, stderr: str) -> None:
        self.code, self.events, self.report, self.stderr = code, events, report, stderr

    def all(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == "workflow." + kind]

    def failure(self) -> tuple[str, str]:
        """Code and message of the last failure, from whichever event has it."""
        failed = self.all("agent_failed") + self.all("agent_parked")
        if not failed:
            raise Wrong("no step failed: exit %s, %s" % (self.code, self.stderr[-400:]))
        error = failed[-1]["data"]["error"]
        return error["code"], error["message"]

    def completed(self) -> list[Event]:
        """The data of all agent steps, each of which must have an answer."""
        done = self.all("agent_completed")
        if self.code != 0 or not done:
            failed = self.all("agent_failed") + self.all("agent_parked")
            errors = [event["data"]["error"]["message"] for event in failed]
            raise Wrong("exit %s, %s" % (self.code, errors or self.stderr[-600:]))
        return done


class Driver:
    """Runs smol-wf in one lane."""

    def __init__(
        self, lane: "Lane", smol_wf: pathlib.Path, settings: pathlib.Path, prices: pathlib.Path, log: pathlib.Path
    ) -> None:
        self.lane, self.smol_wf, self.log = lane, smol_wf, log
        self.sessions = lane.root / "sessions"
        self.project = lane.root / "project"
        self.project.mkdir()
        self.env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(lane.root),
            "LANG": "C.UTF-8",
            "SMOL_WF_CONFIG": str(settings),
            "SMOL_WF_DB": str(lane.root / "runs.db"),
            "SMOL_WF_PRICES": str(prices),
        }
        self.make_repository()

    def make_repository(self) -> None:
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
        # An agent works in the project of its script.
        for script in SCRIPTS:
            shutil.copy(script, self.project)
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "begin"]):
            subprocess.run([*git, *words], cwd=self.project, env=self.env, check=True)

    def patience(self, seconds: float) -> float:
        """So many seconds of a machine at rest."""
        return seconds * slower()

    def lasting(self, seconds: float) -> str:
        """The same, as a flag has it."""
        return "%ds" % self.patience(seconds)

    def start(self, script: str, args: object, *flags: str) -> Started:
        """Starts a run; its output goes to files, so that nothing can block."""
        folder = self.lane.root / ("run-" + uuid.uuid4().hex[:8])
        folder.mkdir()
        given = folder / "args.json"
        given.write_text(json.dumps(args))
        argv = [str(self.smol_wf), "run", script, "--events", "--agent-provider", self.lane.name]
        argv += ["--args-from-file", str(given), "--agent-timeout", self.lasting(AGENT_SECONDS), *flags]
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            process = Started(
                argv, cwd=self.project, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        process.folder = folder
        return process

    def finish(self, process: Started) -> Run:
        try:
            code = process.wait(self.patience(CASE_SECONDS))
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait(self.patience(GONE_SECONDS))
            raise Wrong("no end after %s" % self.lasting(CASE_SECONDS)) from None
        lines = (process.folder / "stdout").read_text().split("\n")
        events = [json.loads(line) for line in lines if line]
        stderr = (process.folder / "stderr").read_text()
        return Run(code, events, self.report(events), stderr)

    def report(self, events: list[Event]) -> Report:
        return self.ask("history", events[0]["metadata"]["runId"]) if events else {}

    def ask(self, *words: str) -> Any:
        """What another command of smol-wf says, as JSON."""
        argv = [str(self.smol_wf), *words]
        patience = self.patience(60)
        told = subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=patience, check=False)
        return json.loads(told.stdout or "{}")

    def run(self, script: str, args: object, *flags: str) -> Run:
        return self.finish(self.start(script, args, *flags))

    def call(self, prompt: str, *flags: str, **options: object) -> Run:
        return self.finish(self.start_call(prompt, *flags, **options))

    def start_call(self, prompt: str, *flags: str, **options: object) -> Started:
        return self.start("call.mjs", {"prompt": prompt, "options": options}, *flags)

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """What the mock got from this lane, from a place in its log on."""
        with open(self.log, encoding="utf-8") as log:
            log.seek(since)
            lines = [json.loads(line) for line in log if line.endswith("\n")]
        return [line for line in lines if line["path"].startswith("/%s/" % self.lane.name)]

    def mark(self) -> int:
        return os.path.getsize(self.log)

    def processes(self) -> dict[int, str]:
        """Processes of this lane's agent, its tools included: who has its home."""
        mark = b"HOME=%s\0" % os.fsencode(self.lane.home)
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                    words = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(entry.name)] = words.decode(errors="replace").strip()
            except OSError:
                # It has ended, or belongs to another user.
                continue
        return found

    def gone(self) -> None:
        """Waits until no process of the agent is left."""
        self.until("its processes are gone", GONE_SECONDS, lambda: not self.processes())

    def until(self, what: str, seconds: float, is_so: Callable[[], object]) -> None:
        began = time.monotonic()
        while not is_so():
            waited = time.monotonic() - began
            # The machine may have become busy meanwhile.
            if waited > self.patience(seconds):
                raise Wrong("waited %d s until %s; left: %s" % (waited, what, self.processes()))
            time.sleep(0.1)

    def end_all(self) -> None:
        """Ends what a case has started by itself."""
        for process in self.processes():
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)

    def interrupt(self, process: Started) -> Run:
        process.send_signal(signal.SIGINT)
        return self.finish(process)


# A case of the table.
Case = Callable[[Driver], None]
