"""Tests of the driver's reading of a run, and of the choice of lanes and cases."""

import json
import pathlib
import tempfile
import tomllib
import unittest
from typing import Any

from cases import CASES, order
from driver import Driver, Run, Wrong
from lanes import ACP, NAMES, PINNED, Lane
from table import Wanted, chosen, table


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"type": "workflow." + kind, "data": data, "metadata": {}}


FAILED = event("agent_failed", error={"code": "provider_auth", "message": "no key"})


class Runs(unittest.TestCase):
    def test_the_last_failure_is_told(self) -> None:
        parked = event("agent_parked", error={"code": "provider_rate_limit", "message": "later"})
        self.assertEqual(Run(5, [FAILED, parked], {}, "").failure(), ("provider_rate_limit", "later"))
        with self.assertRaisesRegex(Wrong, "no step failed: exit 0, talk"):
            Run(0, [event("agent_completed")], {}, "talk").failure()

    def test_a_run_is_completed_when_it_says_so_and_has_an_answer(self) -> None:
        done = event("agent_completed")
        self.assertEqual(Run(0, [event("agent_started"), done], {}, "").completed(), [done])
        for code, events in ((1, [done]), (0, []), (1, [FAILED])):
            with self.assertRaises(Wrong):
                Run(code, events, {}, "").completed()
        with self.assertRaisesRegex(Wrong, "no key"):
            Run(1, [FAILED], {}, "").completed()


class InAFolder(unittest.TestCase):
    def setUp(self) -> None:
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.root = pathlib.Path(made.name)


class Logs(InAFolder):
    def test_requests_are_those_of_the_lane_from_a_mark_on(self) -> None:
        log = self.root / "requests.jsonl"
        lane = Lane("codex", self.root, self.root, 1)
        driver = Driver(lane, self.root / "smol-wf", self.root / "settings", self.root / "prices", log)
        one, other = ({"path": f"/{name}/v1/responses"} for name in ("codex", "codex-new"))
        log.write_text(json.dumps(one | {"n": 1}) + "\n")
        since = driver.mark()
        with log.open("a") as more:
            more.write(json.dumps(other) + "\n" + json.dumps(one | {"n": 2}) + "\n" + json.dumps(one)[:9])
        self.assertEqual([line["n"] for line in driver.requests()], [1, 2])
        self.assertEqual([line["n"] for line in driver.requests(since)], [2])


class Lanes(InAFolder):
    def test_the_settings_of_every_lane_are_toml(self) -> None:
        for name in NAMES:
            lane = Lane(name, self.root, self.root / "lanes", 4010)
            tables = tomllib.loads(lane.settings())["providers"]
            self.assertEqual(tables[name]["env"]["HOME"], str(lane.home))
            self.assertEqual("command" in tables[name], lane.like.startswith("acp"), name)

    def test_a_file_of_the_users_is_as_before_after_a_case(self) -> None:
        lane = Lane("pi", self.root, self.root / "lanes", 4010)
        settings = lane.home / "agent/settings.json"
        before = settings.read_text()
        with lane.written("agent/settings.json", {"more": 1}), lane.written("new.txt", "x"):
            self.assertEqual(json.loads(settings.read_text()), json.loads(before) | {"more": 1})
            self.assertTrue((lane.home / "new.txt").exists())
        self.assertEqual(settings.read_text(), before)
        self.assertFalse((lane.home / "new.txt").exists())


def wanted(**more: Any) -> Wanted:
    asked: dict[str, Any] = {"agent": None, "case": None, "smoke": False, "acp": False, "newest": False}
    return Wanted(**asked | more)


class Table(InAFolder):
    def lane(self, name: str) -> Lane:
        return Lane(name, self.root, self.root / "lanes", 4010)

    def test_cases_of_one_agent_are_not_for_the_others(self) -> None:
        names = {name: set(table(self.lane(name), wanted())) for name in ("claude-code-new", "codex", "opencode")}
        self.assertIn("the user's rules, claude", names["claude-code-new"])
        self.assertNotIn("the user's rules, claude", names["codex"])
        self.assertIn("the user's rules", names["opencode"])
        self.assertTrue(all("plain" in cases for cases in names.values()))

    def test_a_part_of_the_table_and_single_cases(self) -> None:
        codex = self.lane("codex")
        self.assertLess(len(table(codex, wanted(smoke=True))), len(table(codex, wanted())))
        self.assertEqual(table(codex, wanted(case=["plain"])), {"plain": CASES["plain"]})

    def test_lanes_that_are_asked_for(self) -> None:
        self.assertEqual(chosen(wanted()), PINNED)
        self.assertEqual(chosen(wanted(acp=True)), [*PINNED, *ACP])
        self.assertEqual(chosen(wanted(agent=["pi"], acp=True)), ["pi"])

    def test_an_order_is_one_directive(self) -> None:
        self.assertEqual(order(("Bash", {"command": "ls"})), '[[mock:tool=Bash {"command": "ls"}]]')


if __name__ == "__main__":
    unittest.main()
