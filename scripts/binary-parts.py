#!/usr/bin/env python3
"""Prints what the bytes of a release's program are, as a table.

    scripts/binary-parts.py [MAP]

MAP is what the linker (LLD) wrote about the program beside it; scripts/release.sh has it
write target/release/smol-wf.map. Functions and constants count for the crate that they
were compiled in, so generic ones for the crate that uses them.

Owns: the sums. Never: builds.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

# Parts of fewer bytes are summed up.
LEAST = 300_000
# What belongs together, by the beginnings of crates' names.
PARTS = {
    "smol-wf: commands, terminal UI": ("smol_wf",),
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
CRATE = re.compile(r"\.(\w+)\.[0-9a-f]{16}-cgu\.|/lib(\w+?)-[0-9a-f]{16}\.rlib\(")


def part_of(file: str, section: str) -> str:
    """The part of the program that a section of a file belongs to."""
    if section in NAMED:
        return NAMED[section]
    found = CRATE.search(file)
    if not found:
        return "C library" if ".a(" in file or "crt" in file else "tables of the linker"
    crate = found[1] or found[2]
    fitting = [
        (len(beginning), part)
        for part, beginnings in PARTS.items()
        for beginning in beginnings
        if crate.startswith(beginning)
    ]
    return max(fitting)[1] if fitting else crate


def main() -> int:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/smol-wf.map")
    size_of_file = path.with_suffix("").stat().st_size
    sums: Counter[str] = Counter()
    is_in_file = False
    for line in path.read_text(errors="replace").splitlines():
        found = LINE.match(line)
        if not found:
            continue
        address, size, rest = int(found[1], 16), int(found[2], 16), found[3]
        if not rest.startswith(" "):
            # What is not loaded is stripped, and zeros are in no file.
            is_in_file = address > 0 and rest not in (".bss", ".tbss", ".bss.rel.ro", ".relro_padding")
        elif is_in_file and (within := INPUT.match(rest)):
            section = within[2]
            is_unwinding = section.startswith((".eh_frame", ".gcc_except_table"))
            part = "tables to unwind panics" if is_unwinding else part_of(within[1], section)
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
