"""`[logs]` in `config.toml`: what may stand in it, what holds without it, and what it has no part in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent.config import ConfigError, parse
from opsagent.log_policy import ROTATE, LogPolicy
from opsagent.model import Plan
from opsagent.planning import new_plan, rotate_log_steps
from opsagent.policy import Policy
from opsagent.spent import count
from opsagent.store.journal import Journal
from opsagent_tools.units import Unit, UnitId, UnitState

API = UnitId("pm2", "api", "host")


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_what_is_said_holds_and_the_rest_is_careful(tmp_path: Path) -> None:
    said = parse(written(tmp_path, '[logs]\nmax_size = "1M"\ndaily = true\nkeep = 3\ntotal = "5M"\ncompress = false\n'))
    assert said.logs == LogPolicy(max_size=1 << 20, daily=True, keep=3, total=5 << 20, compress=False)
    assert parse(written(tmp_path, "")).logs == LogPolicy()
    assert not parse(written(tmp_path, "[logs]\nrotate = false\n")).logs.rotate


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("logs = true", "logs", "must be a table"),
        ("[logs]\nmaxsize = 1", "logs.maxsize", "unknown key"),
        ('[logs]\nmax_size = "big"', "logs.max_size", "is no size"),
        ("[logs]\nkeep = 0", "logs.keep", "0"),
        ('[logs]\nrotate = "yes"', "logs.rotate", "must be a boolean"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, place: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        parse(written(tmp_path, text))
    assert place in str(told.value)
    assert problem in str(told.value)
    assert "\n" not in str(told.value)


def rotation(origin: str = "agent") -> Plan:
    unit = Unit(id=API, state=UnitState.RUNNING)
    steps = rotate_log_steps(unit, Path("/var/log/api.log"), LogPolicy(), size=1, after="")
    return new_plan(unit=API, steps=steps, remedy=ROTATE, origin=origin, source="runbook")  # type: ignore[arg-type]


def test_upkeep_uses_up_no_budget_and_neither_opens_nor_closes_the_breaker(tmp_path: Path) -> None:
    journal = Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")
    since = datetime.now(UTC) - timedelta(hours=1)
    try:
        repair = new_plan(unit=API, steps=rotation().steps, remedy="crash/start", origin="agent", source="runbook")
        for plan, status in ((rotation(), "failed"), (repair, "failed"), (rotation(), "done")):
            journal.record_plan(plan)
            journal.end_step(journal.intend_step(plan, 0, plan.steps[0], {}), "done")
            journal.end_plan(plan.id, status)  # type: ignore[arg-type]
        repairs = journal.repairs_since(since)
        assert len(repairs) == 1
        spent = count(repairs, API, "crash", Policy(), journal._clock())
        assert (spent.unit_actions, spent.all_actions) == (1, 1)
        assert spent.failed_repairs == 1, "the rotation that worked is no repair that worked"
    finally:
        journal.close()
