#!/usr/bin/env python3
"""Prints what the bytes of a release's program are, as a table.

    scripts/binary-parts.py [MAP] [PROGRAM]

MAP is what the linker (LLD) wrote of the program; scripts/release.sh has it write
target/release/smol-wf.map. Functions count for the crate that their name begins with,
constants without a name for what they are in.

Owns: the sums. Never: builds.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

# Parts that are named for less than this many bytes are summed up.
LEAST = 250_000
# The crates behind a part of the program, by the beginnings of their names.
PARTS = {
    "smol-wf itself": ("smol_wf",),
    "wasmtime": ("wasmtime", "cranelift", "pulley", "wasi", "wiggle", "wasmparser", "cap_", "system_interface"),
    "JSON Schema": ("jsonschema", "referencing", "fancy_regex", "fraction", "email_address", "idna", "icu", "num_"),
    "regular expressions": ("regex", "aho_corasick"),
    "parser of JavaScript": ("oxc",),
    "command line": ("clap", "anstream", "anstyle"),
    "terminal": ("ratatui", "crossterm", "comfy_table", "tui_input", "unicode"),
    "tokio and HTTP": ("tokio", "hyper", "mio", "http", "futures"),
    "Rust's own library": ("core", "std", "alloc", "hashbrown", "compiler_builtins", "addr2line", "gimli"),
}
# `  VMA  LMA  Size Align Out In Symbol`: the line of an input section has its file and name.
LINE = re.compile(r"^ *([0-9a-f]+) +([0-9a-f]+) +([0-9a-f]+) +(\d+) (.*)$")
INPUT = re.compile(r"^ {8}(\S.*):\((\.[^)]*)\)$")
CRATE = re.compile(r"_ZN(?:\d+(?:_?\$LT\$)?[^A-Za-z]*(?:\$[A-Z]+\d*\$|\.\.|_|dyn\b|mut\b|u20)*)([a-z][a-z0-9_]*)")


def part_of(name: str) -> str:
    """The part of the program that a function's section belongs to."""
    found = CRATE.search(name)
    if not found:
        return "constants without a name" if name.startswith((".rodata", ".data")) else "other"
    for part, beginnings in PARTS.items():
        if found[1].startswith(beginnings):
            return part
    return f"crate {found[1]}"


def of_file(file: str) -> str | None:
    """The part of a file that is not of Rust."""
    if "sqlite3" in file:
        return "SQLite"
    if re.search(r"lib(c|m|pthread|gcc|gcc_eh|util|rt|dl)\.a\(|/r?crt", file):
        return "C library"
    return None


def main() -> int:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/smol-wf.map")
    program = Path(sys.argv[2]) if len(sys.argv) > 2 else path.with_suffix("")
    sums: Counter[str] = Counter()
    section = ""
    for line in path.read_text(errors="replace").splitlines():
        found = LINE.match(line)
        if not found:
            continue
        address, size, rest = int(found[1], 16), int(found[3], 16), found[5]
        if re.match(r"^\.\S+$", rest):
            section = rest
        # What is not loaded is stripped, and zeros are in no file.
        if not address or section in (".bss", ".tbss"):
            continue
        if re.match(r"^\.\S+$", rest) and section in (".eh_frame", ".eh_frame_hdr", ".gcc_except_table"):
            sums["unwinding of panics"] += size
        elif re.match(r"^\.\S+$", rest) and section.startswith((".rela", ".got", ".dyn", ".init", ".fini")):
            sums["relocations and tables"] += size
        elif section.startswith((".text", ".rodata", ".data", ".order", "__libc", ".lrodata", ".tdata")):
            within = INPUT.match(rest)
            if not within:
                continue
            file, name = within[1], within[2]
            if name.startswith(".rodata") and size >= 1_000_000:
                sums[f"one constant of {size:,} bytes"] += size
            else:
                sums[of_file(file) or part_of(name)] += size
    bytes_of_file = program.stat().st_size
    small = sum(size for size in sums.values() if size < LEAST)
    rows = [(size, part) for part, size in sums.items() if size >= LEAST]
    rows.append((small, "others, each smaller than a quarter of a megabyte"))
    rows.append((bytes_of_file - sum(sums.values()), "headers, padding, merged texts"))
    print("| part | MB |\n|---|---|")
    for size, part in sorted(rows, reverse=True):
        print(f"| {part} | {size / 1e6:.2f} |")
    print(f"| the program | {bytes_of_file / 1e6:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
