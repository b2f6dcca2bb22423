"""Which mode holds for a service and a risk, and what an approval's policy version depends on."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from opsagent.maintenance import weekly
from opsagent.model import Risk
from opsagent.policy import Policy
from opsagent.quiet import QuietHours
from opsagent_tools.services.spec import Mode, ServiceSpec


def _spec(mode: Mode | dict[str, Mode] | None) -> ServiceSpec:
    return ServiceSpec(name="api", cwd=Path("/"), mode=mode)


def test_nothing_said_means_suggest() -> None:
    assert Policy().mode_for(None, Risk.SAFE) == "suggest"
    assert Policy().mode_for(_spec(None), Risk.DESTRUCTIVE) == "suggest"


@pytest.mark.parametrize(
    ("default", "own", "risk", "expected"),
    [
        ("auto", None, Risk.DISRUPTIVE, "auto"),
        ("auto", "observe", Risk.DISRUPTIVE, "observe"),
        ("observe", {"safe": "auto"}, Risk.SAFE, "auto"),
        ("approve", {"safe": "auto"}, Risk.DISRUPTIVE, "approve"),
        ({"safe": "auto"}, None, Risk.SAFE, "auto"),
        ({"safe": "auto"}, None, Risk.DISRUPTIVE, "suggest"),
        ({"safe": "auto"}, {"disruptive": "approve"}, Risk.SAFE, "auto"),
        ("observe", "observe", Risk.READ, "auto"),
    ],
)
def test_the_services_own_word_goes_before_the_default(
    default: Mode | dict[str, Mode], own: Mode | dict[str, Mode] | None, risk: Risk, expected: Mode
) -> None:
    assert Policy(mode=default).mode_for(_spec(own), risk) == expected


def test_the_engine_is_brought_back_unasked_unless_told_otherwise() -> None:
    assert Policy().mode_for(None, Risk.SAFE, engine=True) == "auto"
    assert Policy(engine_mode="observe").mode_for(None, Risk.SAFE, engine=True) == "observe"


def test_every_field_is_in_the_version() -> None:
    others = {
        "mode": "auto",
        "engine_mode": "observe",
        "budget_actions": 6,
        "budget_window_s": 601.0,
        "global_budget_actions": 21,
        "breaker_failures": 4,
        "breaker_window_s": 3601.0,
        "release_good_after_s": 61.0,
        "deploy_watch_s": 301.0,
        "rollback_failed_deploys": True,
        "canary_s": 4.0,
        "induced_budget_actions": 5,
        "induced_global_budget_actions": 11,
        "breaker_trial_s": 901.0,
        "blast_radius": 0.5,
        "two_person": False,
        "outside_own": "approve",
        "outside_machine": "auto",
        "protected_paths": ("/srv/**",),
        "safe_commands": ("shop/flush",),
        "procedures": ("export report",),
        "quiet": QuietHours(weekly("22:00-07:00", "UTC")),
        "trust_min": 6,
        "digest": False,
        "digest_days": 8,
    }
    assert others.keys() == {field.name for field in fields(Policy)} - {"home"}
    versions = {replace(Policy(), **{name: value}).version for name, value in others.items()}  # type: ignore[arg-type]
    assert len(versions | {Policy().version}) == len(others) + 1
    assert Policy(mode={"safe": "auto", "disruptive": "approve"}).version == (
        Policy(mode={"disruptive": "approve", "safe": "auto"}).version
    )


def test_the_mode_is_shown_as_one_word_where_one_will_do() -> None:
    assert Policy().shown_mode(None) == "suggest"
    assert Policy(mode="observe").shown_mode(_spec("auto")) == "auto"
    assert Policy(mode=dict.fromkeys(("safe", "disruptive", "destructive"), "approve")).shown_mode(None) == "approve"
    assert Policy().shown_mode(_spec({"safe": "auto"})) == {
        "safe": "auto",
        "disruptive": "suggest",
        "destructive": "suggest",
    }


def test_a_policy_does_not_change_with_the_table_it_was_made_of() -> None:
    table: dict[str, Mode] = {"safe": "auto"}
    policy = Policy(mode=table)
    table["safe"] = "observe"
    assert policy.mode_for(None, Risk.SAFE) == "auto"
