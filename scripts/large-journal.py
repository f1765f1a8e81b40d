#!/usr/bin/env python3
"""Measures the memory that reading a journal of large answers takes.

    scripts/large-journal.py [PROGRAM] [ANSWERS]

Makes a run of 75 answers of 3.9 MB each, nearly the largest possible, and prints the
peak resident memory of every way of reading it. PROGRAM is target/release/smol-wf by
default. Needs Linux and 600 MB of disk. Exits 1 when a command fails or takes more
than 96 MiB.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

PROJECT = pathlib.Path(__file__).resolve().parent.parent
MOST_MIB = 96

CONFIG = """[providers.large]
kind = "command"
command = ["sh", "-c", "cat > /dev/null; head -c 3900000 /dev/zero | tr '\\\\0' x"]
"""

SCRIPT = """export const meta = { name: 'large', description: 'large answers' }
let n = 0
for (let i = 0; i < %d; i++) n += (await agent(`p ${i}`, { provider: 'large' })).length
return n
"""


def main(program: str = str(PROJECT / "target/release/smol-wf"), answers: str = "75") -> int:
    program, count = str(pathlib.Path(program).resolve()), int(answers)
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        (place / "config.toml").write_text(CONFIG)
        (place / "large.mjs").write_text(SCRIPT % count)
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "SMOL_WF_CONFIG": str(place / "config.toml"),
                       "SMOL_WF_DB": str(place / "runs.db"), "SMOL_WF_AGENT_PROVIDER": "large"}
        # Larger than the default: 75 answers are 293 MB, and a fork holds them too.
        room = ["--max-journal", "2048"]
        first = ["--max-agents", str(count - 1)]
        # Each with its expected exit code; 5 is a paused run.
        ways = [
            (["run", "large.mjs", *first, *room], 5),
            (["replay", "latest"], 0),
            (["resume", "latest", *first, *room], 5),
            (["resume", "latest", "--max-agents", str(count), *room], 0),
            (["export", "latest", "--format", "journal", "--out", "out"], 0),
            (["export", "latest", "--format", "jsonl", "--out", "out"], 0),
            (["export", "latest", "--format", "chrome-trace", "--out", "out"], 0),
            (["export", "latest", "--format", "otlp-json", "--out", "out"], 0),
            (["fork", "latest", *room], 0),
            (["replay", "latest"], 0),
        ]
        failed = False
        for arguments, code in ways:
            process = subprocess.Popen([program, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            assert process.stderr
            said = process.stderr.read().decode(errors="replace")
            _, status, used = os.wait4(process.pid, 0)
            mib, ended = used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)
            print(f"{mib:7.1f} MiB  {' '.join(arguments)}", flush=True)
            if ended != code:
                print(f"exited with {ended}, not {code}: {said}", file=sys.stderr)
            failed = failed or ended != code or mib > MOST_MIB
        return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
