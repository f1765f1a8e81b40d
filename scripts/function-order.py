#!/usr/bin/env python3
"""Writes host/cli/function-order.txt: the functions that short runs call, which
the linker puts side by side (host/cli/build.rs).

    scripts/function-order.py [PROGRAM]     write the list anew, once per release
    scripts/function-order.py --check FILE  say how many of its names a program has

PROGRAM is an optimised smol-wf with its symbols; without one it is built, which
takes some ten minutes. Needs valgrind and nm. Names stand without the hash that
each compiler and profile gives them. --check exits 1 below 80 %: the program then
takes more memory and page faults to start, and nothing else.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PROJECT = pathlib.Path(__file__).resolve().parent.parent
LIST = PROJECT / "host/cli/function-order.txt"
KEPT_LEAST = 0.8

HASHED = re.compile(r"^(_ZN.*?)17h[0-9a-f]{16}E(?:\..*)?$|^(.*?)\.llvm\.\d+$")
CALLED = re.compile(r"^c?fn=\(\d+\) (\S+?)(?:'\d+)?$", re.MULTILINE)

# A generic function has one name for all its kinds, and all of them are put where
# one was called: only if the others are not much larger than that one.
OTHERS_MOST = 2

FAN_OUT = """export const meta = { name: 'fan', description: 'a fan-out, a schema and a limit' }
const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] }
phase('ask')
log('asking')
const all = await parallel([1, 2, 3].map((n) => () => agent(`item ${n}`, { label: `n${n}` })))
await agent('one', { schema }).catch(() => null)
return all.length
"""


def bare(name):
    hashed = HASHED.match(name)
    return hashed.group(1) or hashed.group(2) if hashed else name


def sizes_of(program):
    """Bytes of each function."""
    listed = subprocess.run(["nm", "-S", program], capture_output=True, text=True, check=True).stdout
    rows = (line.split() for line in listed.splitlines())
    return {row[3]: int(row[1], 16) for row in rows if len(row) == 4 and row[2] in "tTwW"}


def built(folder):
    # The compiler's own flag: another profile would build everything again.
    command = "cargo rustc --release --locked --quiet -p smol-wf --bin smol-wf -- -C strip=none"
    subprocess.run(command.split(), cwd=PROJECT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))
    return shutil.copy(target / "release/smol-wf", folder)


def called(program, folder):
    """Functions that short runs call, in the order of the runs: what the smallest
    of them calls comes first."""
    script = folder / "fan.mjs"
    script.write_text(FAN_OUT)
    debug = ["--agent-provider", "debug"]
    runs = [
        (["run", "examples/hello.mjs", *debug], 0),
        (["run", "examples/hello.mjs", *debug], 0),
        (["run", script, *debug, "--max-agents", "2"], 5),
        (["resume", "latest", "--anywhere", "--max-agents", "10"], 0),
        (["replay", "latest", "--anywhere"], 0),
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "SMOL_WF_DB": str(folder / "runs.db")}
    names = {}
    for arguments, code in runs:
        profile = folder / "profile"
        valgrind = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={profile}"]
        ended = subprocess.run([*valgrind, program, *arguments], cwd=PROJECT, env=environment, capture_output=True)
        if ended.returncode != code:
            sys.exit(f"{arguments} exited with {ended.returncode}, not {code}: {ended.stderr.decode()}")
        names.update(dict.fromkeys(CALLED.findall(profile.read_text())))
    return names


def write(program, folder):
    sizes = sizes_of(program)
    whole, touched = {}, {}
    for name, size in sizes.items():
        whole[bare(name)] = whole.get(bare(name), 0) + size
    for name in called(program, folder):
        if name in sizes:
            touched[bare(name)] = touched.get(bare(name), 0) + sizes[name]
    # The guest has a section of its own.
    names = [name for name, size in touched.items()
             if whole[name] <= (1 + OTHERS_MOST) * size and not name.endswith("image5GUEST")]
    compiler = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    LIST.write_text("\n".join([f"# Written by scripts/function-order.py, with {compiler}.", *names, ""]))
    print(f"{len(names)} names, {sum(whole[name] for name in names) >> 10} KiB, in {LIST.relative_to(PROJECT)}")


def check(program):
    there = {bare(name) for name in sizes_of(program)}
    names = [line for line in LIST.read_text().splitlines() if not line.startswith("#")]
    kept = sum(name in there for name in names)
    print(f"{kept} of {len(names)} names are in {program}")
    return 0 if kept >= KEPT_LEAST * len(names) else 1


def main(arguments):
    if arguments[:1] == ["--check"] and len(arguments) == 2:
        return check(arguments[1])
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write(os.path.abspath(arguments[0]) if arguments else built(folder), folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
