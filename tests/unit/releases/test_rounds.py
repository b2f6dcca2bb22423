"""How a deploy ended: by the trouble that it brought, or after its watch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent.model import Fault, Incident
from opsagent.policy import Policy
from opsagent.releases.keeper import Keeper
from opsagent.releases.plans import rollback_plan
from opsagent.releases.rounds import Rounds
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline
from opsagent.world import World
from opsagent_tools.actions import ActionName
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

UNIT = UnitId("circus", "api", "box")
BEGAN = datetime.now(UTC)


class Clock:
    """Tells the journal what time it is; what is judged is judged by the real one."""

    def __init__(self) -> None:
        self.now = BEGAN - timedelta(seconds=60)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Iterator[Journal]:
    with Journal.open(f"sqlite:///{tmp_path}/journal.db", clock=clock) as opened:
        yield opened


def incident(seconds: float) -> Incident:
    """One that was opened so many seconds after the deploy began."""
    at = BEGAN + timedelta(seconds=seconds - 60)
    return Incident(id="i1", fault=Fault.CRASH_LOOP, unit=UNIT, opened_at=at, began_at=at, summary="api dies")


async def judged(journal: Journal, tmp_path: Path, watch_s: float) -> list[str | None]:
    keeper = Keeper(tmp_path, journal, {}, lambda: Policy(deploy_watch_s=watch_s))
    timeline = Timeline(journal)
    await Rounds(keeper=keeper, journal=journal, timeline=timeline, world=World()).go(set)
    await timeline.flush()
    return [deploy.result for deploy in journal.deploys()]


@pytest.mark.parametrize(
    ("opened", "over_at", "watch_s", "result"),
    [
        (None, None, 86_400.0, None),
        (None, None, 10.0, "well"),
        (10.0, None, 86_400.0, "failed"),
        (10.0, 20.0, 10.0, "well"),
        (40.0, 45.0, 86_400.0, "failed"),
        (-10.0, None, 10.0, "well"),
    ],
    ids=["watched", "well", "not over when it ended", "over by then", "came after it", "was there before"],
)
async def test_how_a_deploy_ends(
    *,
    opened: float | None,
    over_at: float | None,
    watch_s: float,
    result: str | None,
    journal: Journal,
    clock: Clock,
    tmp_path: Path,
) -> None:
    journal.begin_deploy(UNIT, BEGAN + timedelta(seconds=600), "", "kim")
    if opened is not None:
        journal.open_incident(incident(opened))
    if over_at is not None:
        over = BEGAN + timedelta(seconds=over_at - 60)
        journal.set_incident("i1", status="resolved", resolved_at=over)
    clock.now += timedelta(seconds=30)
    journal.end_deploy(UNIT, "kim")
    assert await judged(journal, tmp_path, watch_s) == [result]


async def test_one_that_nobody_ended_is_forgotten(journal: Journal, tmp_path: Path) -> None:
    journal.begin_deploy(UNIT, BEGAN - timedelta(seconds=1), "", "kim")
    assert await judged(journal, tmp_path, 300.0) == ["forgotten"]


def test_the_last_rollback_is_known_for_its_undo(journal: Journal) -> None:
    assert journal.last_rollback(UNIT) is None
    unit = Unit(id=UNIT, state=UnitState.EXITED)
    plan = rollback_plan(unit, None, release="a" * 64, replaces="b" * 64, label="1", well=False)
    journal.record_plan(plan)
    step = journal.intend_step(plan, 0, plan.steps[0], {}, "confirmed")
    assert journal.last_rollback(UNIT) is None, "it is not done yet"
    journal.end_step(step, "done")
    last = journal.last_rollback(UNIT)
    assert last is not None
    assert dict(last.args) == {"release": "a" * 64, "replaces": "b" * 64}
    assert journal.last_rollback(UnitId("circus", "other", "box")) is None


_ONE = (Process(key=ProcessKey(7, 1.0)),)


@pytest.mark.parametrize(
    ("unit", "well", "then", "undo_restarts"),
    [
        (Unit(id=UNIT, state=UnitState.STOPPED), False, [], False),
        (Unit(id=UNIT, state=UnitState.EXITED), False, [ActionName.START], True),
        (Unit(id=UNIT, state=UnitState.RUNNING, processes=_ONE), True, [ActionName.RESTART], True),
        (Unit(id=UNIT, state=UnitState.RUNNING, processes=_ONE, surges=True), False, [ActionName.RESTART], True),
        (Unit(id=UNIT, state=UnitState.RUNNING, processes=_ONE, surges=True), True, [ActionName.RELOAD], False),
    ],
    ids=["stopped by a person", "down", "well, one port", "ill", "well, one can stand beside it"],
)
def test_how_it_comes_to_run_with_it(unit: Unit, well: bool, then: list[ActionName], undo_restarts: bool) -> None:
    plan = rollback_plan(unit, None, release="a" * 64, replaces="b" * 64, label="1", well=well)
    names = list(dict.fromkeys(step.action.name for step in plan.steps))
    assert names == [ActionName.ROLLBACK, *then]
    undo = plan.steps[0].undo
    assert undo is not None
    assert undo.args["then_restart"] is undo_restarts
