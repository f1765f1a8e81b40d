"""Drives the real agents through smol-wf against a mock of the model service.

Owns: the mock, the lanes side by side, the verdict. scripts/real-agents.sh
installs the agents and takes the network away first.
"""

import argparse
import concurrent.futures
import pathlib
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback

from driver import Case, Driver, Wrong
from given import settings as given_settings
from lanes import NAMES, Lane, price_file
from measure import FAKE, measure
from net import loopback_up, only_loopback, start_mock
from table import Wanted, chosen, table

# Set when no further case may begin.
STOPPED = threading.Event()

# Lanes that run in parallel: most of the time they wait for an agent.
LANES_AT_ONCE = 5


def run_case(driver: Driver, name: str, case: Case) -> bool:
    began = time.monotonic()
    try:
        case(driver)
        problem = None
    except Wrong as wrong:
        problem = str(wrong)
    except Exception:  # A case that breaks has failed, and the others go on.
        problem = traceback.format_exc()
    took = time.monotonic() - began
    verdict = "PASS" if problem is None else "FAIL"
    line = "%s  %-15s  %-30s %5.1f s" % (verdict, driver.lane.name, name, took)
    print(line + ("" if problem is None else "\n      " + problem), flush=True)
    return problem is None


def run_lane(driver: Driver, wanted: Wanted) -> list[bool]:
    cases = table(driver.lane, wanted).items()
    return [run_case(driver, name, case) for name, case in cases if not STOPPED.is_set()]


def options() -> Wanted:
    parser = argparse.ArgumentParser(prog="real-agents", description=__doc__.split("\n")[0])
    parser.add_argument("--smol-wf", required=True, type=pathlib.Path, help="the program")
    parser.add_argument("--agents", required=True, type=pathlib.Path, help="has bin/claude etc.")
    parser.add_argument("--agent", action="append", choices=NAMES, help="only this one")
    parser.add_argument("--case", action="append", help="only this one")
    parser.add_argument("--smoke", action="store_true", help="a part of the table")
    parser.add_argument("--acp", action="store_true", help="the other agents over ACP as well")
    parser.add_argument("--newest", action="store_true", help="the newest versions as well")
    parser.add_argument("--measure", action="store_true", help="figures, not cases")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the runs")
    return parser.parse_args(namespace=Wanted())


def main() -> None:
    # The parent may ignore Ctrl-C, as a shell's `&` does, and child processes inherit
    # that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wanted = options()
    loopback_up()
    if not only_loopback():
        sys.exit("real-agents: there is a network here; run it with scripts/real-agents.sh")
    root = pathlib.Path(tempfile.mkdtemp(prefix="real-agents-"))
    log = root / "requests.jsonl"
    mock, port = start_mock(log)
    try:
        names = ["opencode"] if wanted.measure else chosen(wanted)
        lanes = [Lane(name, wanted.agents.resolve(), root, port) for name in names]
        settings = root / "smol-wf.toml"
        tables = "\n".join(lane.settings() for lane in lanes)
        settings.write_text(given_settings(root) + tables + FAKE)
        prices = price_file(root)
        smol_wf = wanted.smol_wf.resolve()
        drivers = [Driver(lane, smol_wf, settings, prices, log) for lane in lanes]
        if wanted.measure:
            measure(drivers[0])
            return
        sys.exit(run_all(drivers, wanted))
    finally:
        mock.terminate()
        mock.wait()
        if wanted.keep:
            print("kept: %s" % root)
        else:
            shutil.rmtree(root, ignore_errors=True)


def run_all(drivers: list[Driver], wanted: Wanted) -> int:
    """The lanes side by side, as many as there is room for; 1 when any case fails."""
    with concurrent.futures.ThreadPoolExecutor(LANES_AT_ONCE) as pool:
        try:
            lanes = pool.map(lambda driver: run_lane(driver, wanted), drivers)
            verdicts = [verdict for lane in lanes for verdict in lane]
        except BaseException:
            # Ctrl-C: what runs is waited for, which a terminal has told as well.
            STOPPED.set()
            raise
    failed = verdicts.count(False)
    print("real agents: %d passed, %d failed" % (len(verdicts) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    main()
