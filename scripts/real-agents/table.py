"""Selects the cases and agents to run.

Owns: the possible selections, and the choice. Never: runs a case.
"""

import argparse
import pathlib

from acp import OVER_ACP
from cases import CASES, LANES
from driver import Case
from given import GIVEN
from lanes import ACP, NEWEST, PINNED, Lane
from people import PEOPLE, RULES
from steering import STEERING
from users import OF_USERS


class Wanted(argparse.Namespace):
    """What is asked for; `options` says what each means."""

    smol_wf: pathlib.Path
    agents: pathlib.Path
    agent: list[str] | None
    case: list[str] | None
    smoke: bool
    acp: bool
    newest: bool
    measure: bool
    keep: bool


# What is left of the table where time is short: each kind once, and what is new
# of each agent.
SMOKE = {
    "doctor",
    "plain",
    "structured",
    "unicode prompt",
    "file in a worktree",
    "permissions: read",
    "options that restrict",
    "401",
    "400",
    "invalid model",
    "cancel, running tool",
    "repair in the session",
    "the user's rules, claude",
    "the user's rules, codex",
    "the user's rules, pi",
    "a command in the background",
    "a subagent in the background",
    "no other agents",
    "login in its own settings",
    "cut frame",
    *(name for cases in OF_USERS.values() for name in cases),
    *GIVEN,
    *PEOPLE,
    *STEERING,
}


def is_of(case: Case, lane: Lane) -> bool:
    """Some cases are for some agents alone."""
    return lane.like in LANES.get(case, (lane.like,))


def table(lane: Lane, wanted: Wanted) -> dict[str, Case]:
    """The cases of a lane, in their order."""
    if lane.like in ACP:
        cases = dict(OVER_ACP)
    else:
        cases = {name: case for name, case in CASES.items() if is_of(case, lane)}
        cases |= OF_USERS.get(lane.like, {})
    cases |= GIVEN
    if lane.like in RULES:
        cases |= PEOPLE
    cases |= STEERING
    if wanted.case:
        return {name: case for name, case in cases.items() if name in wanted.case}
    return {name: case for name, case in cases.items() if not wanted.smoke or name in SMOKE}


def chosen(wanted: Wanted) -> list[str]:
    """The lanes that are asked for."""
    more = [*(ACP if wanted.acp else []), *(NEWEST if wanted.newest else [])]
    return wanted.agent or [*PINNED, *more]
