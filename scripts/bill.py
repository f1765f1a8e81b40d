#!/usr/bin/env python3
"""Makes a bill of materials of cargo-cyclonedx say what is in the program.

    scripts/bill.py BILL.json FOLDER INSIDE BUILT [NAME VERSION LICENCE]

cargo-cyclonedx reads the graph of packages, whatever features they are built with, so the
compiler of the build script is part of wasmtime there. INSIDE and BUILT are files with
what `cargo tree --prefix none --format '{p}'` lists without and with dependencies of build
scripts. What is in BUILT alone gets the scope `excluded`: it helps to build the program
and is not in it. What is in neither is removed, and so is FOLDER, the one of the sources,
from all names. The last arguments are one more library that is in the program.

Owns: which of the bill's packages count, and how. Never: adds a package of Rust.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def listed(tree: str) -> set[tuple[str, str]]:
    """Names and versions in the lines of `cargo tree`."""
    words = (line.split() for line in tree.splitlines() if line)
    return {(name, version.removeprefix("v")) for name, version, *_ in words}


def package(component: dict[str, Any]) -> tuple[str, str]:
    return component["name"], component["version"]


def narrow(
    document: dict[str, Any], inside: set[tuple[str, str]], built: set[tuple[str, str]]
) -> None:
    """Gives each component its scope, and removes those that are not built."""
    components = [one for one in document["components"] if package(one) in inside | built]
    for component in components:
        component["scope"] = "required" if package(component) in inside else "excluded"
    document["components"] = components
    kept = {one["bom-ref"] for one in components}
    kept.add(document["metadata"]["component"]["bom-ref"])
    document["dependencies"] = [one for one in document["dependencies"] if one["ref"] in kept]
    for one in document["dependencies"]:
        if "dependsOn" in one:
            one["dependsOn"] = [ref for ref in one["dependsOn"] if ref in kept]


def main() -> int:
    path, folder, more = Path(sys.argv[1]), sys.argv[2], sys.argv[5:]
    inside, built = (listed(Path(tree).read_text()) for tree in sys.argv[3:5])
    # An absolute path, of which `file://` stays.
    document = json.loads(path.read_text().replace(folder, ""))
    narrow(document, inside, built)
    there = {package(one) for one in document["components"]}
    missing = inside - there - {package(document["metadata"]["component"])}
    if missing or not inside:
        print(f"bill: {path} lacks {sorted(missing)}", file=sys.stderr)
        return 1
    if more:
        name, version, licence = more
        library = {"type": "library", "name": name, "version": version, "scope": "required"}
        document["components"].append(library | {"licenses": [{"expression": licence}]})
    path.write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
