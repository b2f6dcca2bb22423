"""`policy explain`: every rule has something to say about what would have to change, and names offered for typos."""

from __future__ import annotations

import inspect
import re

import pytest

from opsagent.explaining import action_named, mend_of
from opsagent.model import Risk, Ruling
from opsagent.rules import limits, modes, orders
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.units import UnitId

RESTART = Action(name=ActionName.RESTART, unit=UnitId("pm2", "api", "here"))
_RULE = re.compile(r'(?:deny|ask)\(\s*"([a-z ]+)"')


def test_every_rule_says_what_would_have_to_change() -> None:
    rules = {found for module in (limits, modes, orders) for found in _RULE.findall(inspect.getsource(module))}
    assert {"hold", "breaker", "tiers", "quiet hours", "destructive", "protected path"} <= rules
    silent = [
        rule
        for rule in sorted(rules - {"preflight"})
        if not mend_of(Ruling(verdict="deny", risk=Risk.SAFE, rule=rule, why=""), RESTART)
    ]
    assert silent == []


def test_what_cannot_be_undone_is_never_said_to_be_granted() -> None:
    said = mend_of(Ruling(verdict="deny", risk=Risk.DESTRUCTIVE, rule="suggest", why=""), RESTART)
    assert "--grant" not in said


@pytest.mark.parametrize("name", ["restart", "Restart", " RESTART ", "rollback-config", "rollback_config"])
def test_actions_by_name(name: str) -> None:
    assert action_named(name) in {ActionName.RESTART, ActionName.ROLLBACK_CONFIG}


def test_typos_are_offered_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean restart"):
        action_named("restrat")
    with pytest.raises(ValueError, match="there are start, stop"):
        action_named("zzz")
