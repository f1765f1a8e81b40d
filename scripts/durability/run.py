#!/usr/bin/env python3
"""Proves the statements of `docs/reliability.md` about durability.

    scripts/durability/run.py [kill] [errors] [powercut] [readers] [races] [prompts] [messages] [--quick] [--program FILE]

Without a name, every campaign runs. `--quick` runs a part of each, for CI.
Needs Linux and strace. Exits 1 and names the point when a guarantee was broken.
"""

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Callable

import errors
import kill
import messages
import powercut
import prompts
import races
import readers
from place import PROJECT, Outcome

WORKLOADS = ("sequential", "parallel", "mixed")

# For each campaign: the whole, and the part that CI runs in a few minutes.
CAMPAIGNS: dict[str, tuple[Callable[[str, bool], Outcome], str, str]] = {
    "kill": (lambda p, quick: kill.campaign(p, WORKLOADS, 13 if quick else 1), "points", "deaths, each resumed"),
    "errors": (lambda p, quick: errors.campaign(p, WORKLOADS, 29 if quick else 1), "failing calls", "noticed, each resumed"),
    "powercut": (lambda p, quick: powercut.campaign(p, WORKLOADS, 7 if quick else 1), "states", "resumed to the end"),
    "readers": (lambda p, quick: readers.campaign(p, 4 if quick else 60), "readers that stopped", "steps made meanwhile"),
    "races": (lambda p, quick: races.campaign(p, WORKLOADS, 60 if quick else 1000), "races", "losers refused"),
    "prompts": (lambda p, quick: prompts.campaign(p, 60 if quick else 2000), "prompts read to their end", "runs ended early"),
    "messages": (lambda p, quick: messages.campaign(p, *((80, 20) if quick else (1000, 200))), "messages", "deaths of a holder"),
}


def main() -> int:
    # The parent may ignore Ctrl-C, as a shell's `&` does, and child processes inherit
    # that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("campaigns", nargs="*", metavar="CAMPAIGN", help=", ".join(CAMPAIGNS))
    parser.add_argument("--quick", action="store_true", help="a part of each campaign")
    parser.add_argument("--program", default=str(PROJECT / "target/debug/smol-wf"), help="the smol-wf to prove")
    asked = parser.parse_args()
    if unknown := [name for name in asked.campaigns if name not in CAMPAIGNS]:
        parser.error(f"no campaign {unknown[0]}; there are: {', '.join(CAMPAIGNS)}")
    if not shutil.which("strace"):
        sys.exit("durability: strace is missing; install the package strace")
    failed = False
    for name in asked.campaigns or CAMPAIGNS:
        run, things, outcome = CAMPAIGNS[name]
        started = time.monotonic()
        tried, came, faults = run(asked.program, asked.quick)
        for fault in faults:
            print(f"{name}: {fault}")
        spent = time.monotonic() - started
        print(f"{name}: {tried} {things}, {came} {outcome}, {len(faults)} promises broken ({spent:.0f} s)", flush=True)
        failed = failed or bool(faults) or tried == 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
