#!/usr/bin/env python3
"""Prints the licence texts of what is in the program, each once.

    scripts/licences.py BILL.json... >THIRD-PARTY.txt

The bills are those of scripts/bill.py. The texts are in the packages, as cargo has fetched
them. A package without one is named with its licence, whose text others have.

Owns: the order, and which files are licences. Never: judges a licence; deny.toml does.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

# How files with licences and notices begin.
BEGINNINGS = ("licen", "copying", "copyright", "notice", "unlicense")
# Where Debian has that of the C library.
GLIBC = Path("/usr/share/common-licenses/LGPL-2.1")


def packages(bills: list[str]) -> dict[tuple[str, str], str]:
    """Foreign packages in the program, with their licences and authors."""
    found = {}
    for bill in bills:
        for one in json.loads(Path(bill).read_text())["components"]:
            if one["scope"] == "required" and "path+file" not in one.get("bom-ref", ""):
                author = f", by {one['author']}" if "author" in one else ""
                found[one["name"], one["version"]] = one["licenses"][0]["expression"] + author
    return found


def texts(name: str, version: str) -> list[str]:
    """The licences in a package."""
    if name == "glibc":
        return [GLIBC.read_text()]
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    folders = sorted(cargo.glob(f"registry/src/*/{name}-{version}"))
    files = [file for folder in folders[:1] for file in sorted(folder.rglob("*"))]
    named = [file for file in files if file.name.lower().startswith(BEGINNINGS) and file.is_file()]
    # Not sources that have such a name.
    plain = [file for file in named if file.suffix.lower() in ("", ".md", ".txt") or "-" in file.name]
    return [file.read_text(errors="replace").strip() for file in plain]


def main() -> int:
    found = packages(sys.argv[1:])
    owners: dict[str, list[str]] = {}
    print("What is in smol-wf, and its licences. The texts follow, each once.\n")
    print("Rust's standard library: MIT OR Apache-2.0, by The Rust Project Developers")
    for (name, version), licence in sorted(found.items()):
        print(f"{name} {version}: {licence}")
        for text in texts(name, version):
            owners.setdefault(text, []).append(f"{name} {version}")
    for text, names in owners.items():
        print(f"\n{'-' * 80}\n{', '.join(names)}\n\n{text}")
    # So few would mean that the packages are somewhere else.
    if len(owners) < len(found) // 4:
        print(f"licences: only {len(owners)} texts for {len(found)} packages", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
