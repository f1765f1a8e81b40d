#!/usr/bin/env python3
"""Writes host/cli/function-order.txt: the functions that short runs call, which
the linker puts side by side (host/cli/build.rs).

    scripts/function-order.py [PROGRAM]     write the list anew, once per release
    scripts/function-order.py --check FILE  say how many of its names a program has

PROGRAM is an optimised smol-wf with its symbols; without one it is built, which
takes some ten minutes. Needs valgrind and nm. --check exits 1 below 80 %: the
program then takes more memory and page faults to start, and nothing else.

A generic function has one name for all its kinds, and a hash behind it tells them
apart. Names are written with their hash, so that only the kinds that are called
are put together. Another compiler gives other hashes: a star says that all kinds
of the name may then be taken, since they are not much larger than those called.
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

OF_MODULE = re.compile(r"\.llvm\.\d+$")
HASH = re.compile(r"17h[0-9a-f]{16}E$")
CALLED = re.compile(r"^c?fn=\(\d+\) (\S+?)(?:'\d+)?$", re.MULTILINE)

# How much larger than what is called the other kinds of a name may be, together.
OTHERS_MOST = 2

FAN_OUT = """export const meta = { name: 'fan', description: 'a fan-out, a schema and a limit' }
const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] }
phase('ask')
log('asking')
const all = await parallel([1, 2, 3].map((n) => () => agent(`item ${n}`, { label: `n${n}` })))
await agent('one', { schema }).catch(() => null)
return all.length
"""


def full(name: str) -> str:
    """Without the number of the module, which changes with all that is in it."""
    return OF_MODULE.sub("", name)


def bare(name: str) -> str:
    return HASH.sub("", full(name))


def functions_of(program: str) -> dict[str, tuple[str, int]]:
    """Address and bytes of each function."""
    listed = subprocess.run(["nm", "-S", program], capture_output=True, text=True, check=True).stdout
    rows = (line.split() for line in listed.splitlines())
    return {row[3]: (row[0], int(row[1], 16)) for row in rows if len(row) == 4 and row[2] in "tTwW"}


def built(folder: pathlib.Path) -> str:
    # The compiler's own flag: another profile would build everything again.
    command = "cargo rustc --release --locked --quiet -p smol-wf --bin smol-wf -- -C strip=none"
    subprocess.run(command.split(), cwd=PROJECT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))
    return str(shutil.copy(target / "release/smol-wf", folder))


def called(program: str, folder: pathlib.Path) -> dict[str, None]:
    """Functions that short runs call, in the order of the runs: what the smallest
    of them calls comes first."""
    script = folder / "fan.mjs"
    script.write_text(FAN_OUT)
    debug = ["--agent-provider", "debug"]
    runs: list[tuple[list[str], int]] = [
        (["run", "examples/hello.mjs", *debug], 0),
        (["run", "examples/hello.mjs", *debug], 0),
        (["run", str(script), *debug, "--max-agents", "2"], 5),
        (["resume", "latest", "--anywhere", "--max-agents", "10"], 0),
        (["replay", "latest", "--anywhere"], 0),
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "SMOL_WF_DB": str(folder / "runs.db")}
    names: dict[str, None] = {}
    for arguments, code in runs:
        profile = folder / "profile"
        valgrind = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={profile}"]
        command = [*valgrind, program, *arguments]
        ended = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, check=False)
        if ended.returncode != code:
            sys.exit(f"{arguments} exited with {ended.returncode}, not {code}: {ended.stderr.decode()}")
        names.update(dict.fromkeys(CALLED.findall(profile.read_text())))
    return names


def write(program: str, folder: pathlib.Path) -> None:
    functions = functions_of(program)
    names_at: dict[str, list[str]] = {}
    whole: dict[str, int] = {}
    touched: dict[str, int] = {}
    for name, (address, size) in functions.items():
        names_at.setdefault(address, []).append(name)
        whole[bare(name)] = whole.get(bare(name), 0) + size
    # Functions of the same code are one, under several names: valgrind says one
    # of them, and the linker may know the code by another. The guest has a place
    # of its own.
    addresses = (functions[name][0] for name in called(program, folder) if name in functions)
    names = [name for address in dict.fromkeys(addresses) for name in names_at[address]
             if not bare(name).endswith("image5GUEST")]
    for name in names:
        touched[bare(name)] = touched.get(bare(name), 0) + functions[name][1]
    few = {name for name, size in touched.items() if whole[name] <= (1 + OTHERS_MOST) * size}
    lines = dict.fromkeys(full(name) + (" *" if bare(name) in few else "") for name in names)
    compiler = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    LIST.write_text("\n".join([f"# Written by scripts/function-order.py, with {compiler}.", *lines, ""]))
    size = sum(dict(functions[name] for name in names).values())
    print(f"{len(lines)} names, {size >> 10} KiB, in {LIST.relative_to(PROJECT)}")


def check(program: str) -> int:
    there = functions_of(program)
    lines = [line for line in LIST.read_text().splitlines() if not line.startswith("#")]
    names = [line.removesuffix(" *") for line in lines]
    for what, form in [("with their hash", full), ("without it", bare)]:
        found = {form(name) for name in there}
        kept = sum(form(name) in found for name in names)
        print(f"{kept} of {len(names)} names are in {program}, {what}")
    return 0 if kept >= KEPT_LEAST * len(names) else 1


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--check"] and len(arguments) == 2:
        return check(arguments[1])
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        write(os.path.abspath(arguments[0]) if arguments else built(folder), folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
