"""`policy explain`: every rule has something to say about what would have to change, and names offered for typos."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace

import pytest

from opsagent.cli.policy import as_it_runs
from opsagent.config import Config
from opsagent.explaining import action_named, mend_of
from opsagent.model import Risk, Ruling
from opsagent.policy import Policy
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


def test_what_the_daemon_goes_by_is_what_is_told() -> None:
    file = Config(policy=Policy(mode="suggest", budget_actions=7))
    assert as_it_runs(file, None) == (file, "")
    assert as_it_runs(file, {"policy": {"version": file.policy.version, "mode": "suggest"}}) == (file, "")
    forced = replace(file.policy, mode="auto")
    found, note = as_it_runs(file, {"policy": {"version": forced.version, "mode": "auto"}})
    assert (found.policy.mode, found.policy.budget_actions) == ("auto", 7)
    assert "--mode auto" in note
    older = {"policy": {"version": replace(forced, budget_actions=3).version, "mode": "auto"}}
    assert "another policy than config.toml says now" in as_it_runs(file, older)[1]
