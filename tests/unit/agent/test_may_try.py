"""Who says whether something may be tried for the sake of learning: the policy, and only where it wants no question."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from opsagent.agent_parts import _may_try
from opsagent.memory_settings import MemorySettings
from opsagent.planning import quarantine_steps, restart_steps, start_steps
from opsagent.policy import Policy
from tests.support.cases import target_of

TARGET = target_of("api")
START = start_steps(TARGET.unit)


def may_try(steps: Any, mode: Any = "auto", **settings: Any) -> bool:
    agent = SimpleNamespace(config=SimpleNamespace(memory=MemorySettings(**settings)), policy=Policy(mode=mode))
    return _may_try(cast("Any", agent))(steps, TARGET)


def test_what_is_safe_may_be_tried_where_the_mode_is_auto_for_it() -> None:
    assert may_try(START)
    assert may_try(START, {"safe": "auto", "disruptive": "approve"})


@pytest.mark.parametrize("mode", ["observe", "suggest", "approve", {"safe": "approve", "disruptive": "auto"}])
def test_nothing_is_tried_where_a_person_would_be_asked_or_told(mode: Any) -> None:
    assert not may_try(START, mode)


def test_nothing_that_is_not_safe_is_tried() -> None:
    from pathlib import Path

    assert not may_try(restart_steps(TARGET.unit))
    assert not may_try((*quarantine_steps(TARGET.unit, Path("/srv/api.lock"), "00"), *START))


def test_it_can_be_switched_off() -> None:
    assert not may_try(START, explore=False)
