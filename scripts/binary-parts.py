#!/usr/bin/env python3
"""Prints what the bytes of a release's program are, as a table.

    scripts/binary-parts.py [MAP]

MAP is what the linker (LLD) wrote about the program beside it; scripts/release.sh has it
write target/release/smol-wf.map. The program is compiled as one unit, so functions count for
the first crate that their names name beside Rust's own library: generic ones for the crate
whose types they are for. Constants have no names.

Owns: the sums. Never: builds.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

# Parts of fewer bytes are summed up.
LEAST = 300_000
# What belongs together, by the beginnings of crates' names.
PARTS = {
    "smol-wf: commands, terminal UI, MCP server": ("smol_wf",),
    "smol-wf: the other crates": (
        "smol_wf_core",
        "smol_wf_engine",
        "smol_wf_providers",
        "smol_wf_sandbox",
        "smol_wf_store",
    ),
    "wasmtime": ("wasm", "cranelift", "pulley", "wiggle", "cap_", "system_interface", "fs_set"),
    "JSON Schema": ("jsonschema", "referencing", "fancy_regex", "fraction", "icu", "idna", "num_"),
    "regular expressions": ("regex", "aho_corasick"),
    "parser of JavaScript, for `check`": ("oxc",),
    "parser of the command line": ("clap",),
    "tokio and HTTP": ("tokio", "hyper", "mio", "http", "futures"),
    "SQLite": ("libsqlite3", "rusqlite"),
    "serde": ("serde",),
    "Rust's own library": ("std", "core", "alloc", "compiler_builtins", "gimli", "addr2line"),
}
# Sections of files that have their own names.
NAMED = {
    ".text.guest": "QuickJS in WebAssembly, compiled",
    ".text.strip": "remover of types in WebAssembly, compiled",
}
# `  VMA  LMA  Size Align` and a section of the program or, further in, of a file.
LINE = re.compile(r"^ *([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+) +\d+ (\S.*|        \S.*)$")
INPUT = re.compile(r"^ {8}(\S.*):\((\.[^)]*)\)$")
# What was compiled as one unit, and a C library or Rust's own.
UNIT = re.compile(r"-cgu\.")
LIBRARY = re.compile(r"/lib(\w+?)-[0-9a-f]{16}\.rlib\(")
# What may be a crate in the name of a function.
WORD = re.compile(r"(?<![\w:])[a-z]\w*(?=::|\[)")
RUSTS_OWN = PARTS["Rust's own library"]


def crates() -> frozenset[str]:
    """The crates that are linked or may be."""
    lock = Path(__file__).resolve().parent.parent / "Cargo.lock"
    found = re.findall(r'^name = "(.*)"$', lock.read_text(), re.MULTILINE)
    return frozenset(name.replace("-", "_") for name in found) | set(RUSTS_OWN)


def crate_of(function: str, known: frozenset[str]) -> str:
    """The crate that a function belongs to, by its name."""
    named = [word for word in WORD.findall(function) if word in known]
    others = [word for word in named if word not in RUSTS_OWN]
    return next(iter(others or named), "Rust's own library")


def part_of(file: str, section: str, function: str, known: frozenset[str]) -> str:
    """The part of the program that a section of a file belongs to."""
    if section in NAMED:
        return NAMED[section]
    if UNIT.search(file):
        if not section.startswith(".text"):
            return "constants and texts, among them the manual"
        crate = crate_of(function, known)
    elif found := LIBRARY.search(file):
        crate = found[1]
    else:
        return "C library" if ".a(" in file or "crt" in file else "tables of the linker"
    fitting = [
        (len(beginning), part)
        for part, beginnings in PARTS.items()
        for beginning in beginnings
        if crate.startswith(beginning)
    ]
    return max(fitting)[1] if fitting else crate


def inputs(text: str) -> list[tuple[str, str, int]]:
    """File, section and size of all that is in the program."""
    found, is_in_file = [], False
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        address, size, rest = int(match[1], 16), int(match[2], 16), match[3]
        if not rest.startswith(" "):
            # What is not loaded is stripped, and zeros are in no file.
            is_in_file = address > 0 and rest not in (".bss", ".tbss", ".bss.rel.ro", ".relro_padding")
        elif is_in_file and (within := INPUT.match(rest)):
            found.append((within[1], within[2], size))
    return found


def functions(sections: list[str]) -> list[str]:
    """The names of functions, from those of their sections."""
    names = "\n".join(section.removeprefix(".text.").removeprefix("unlikely.") for section in sections)
    done = subprocess.run(["c++filt"], input=names, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def main() -> int:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/smol-wf.map")
    size_of_file = path.with_suffix("").stat().st_size
    sums: Counter[str] = Counter()
    known = crates()
    found = inputs(path.read_text(errors="replace"))
    names = functions([section for _, section, _ in found])
    for (file, section, size), function in zip(found, names, strict=True):
        is_unwinding = section.startswith((".eh_frame", ".gcc_except_table"))
        part = "tables to unwind panics" if is_unwinding else part_of(file, section, function, known)
        sums[part] += size
    small = [part for part, size in sums.items() if size < LEAST]
    others = sum(sums.pop(part) for part in small)
    sums[f"{len(small)} others, none above {LEAST // 1000} kB"] = others
    sums["headers and padding"] = size_of_file - sums.total()
    print("| part | MB |\n|---|---|")
    for part, size in sums.most_common():
        print(f"| {part} | {size / 1e6:.2f} |")
    print(f"| the program | {size_of_file / 1e6:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
