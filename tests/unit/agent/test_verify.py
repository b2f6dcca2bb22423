"""verify: whose being well counts, and for how much."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from opsagent import verify
from opsagent.model import Fault, Incident, Verdict
from opsagent.planning import start_steps
from opsagent.verify import Baseline, Verifier
from opsagent.world import HealthState, World
from opsagent_tools.units import Unit, UnitId, UnitState
from tests.unit.agent.conftest import API, STORE, Bench


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_PATIENCE_S", 0.5)


async def _store_is_back_and_api_is_ill(bench: Bench, *others: Incident, well_before: bool = False) -> Verdict:
    """Judge the start of the store while the api, which needs it, is not well."""
    incident = await bench.incident(STORE)
    plan = bench.plan(STORE, *start_steps(await bench.unit(STORE)), incident=incident)
    await bench.supervisor.stop(API)
    verifier = Verifier(bench.checker, bench.world, Baseline(), lambda: (incident, *others))
    return await verifier.verify(incident, plan, frozenset({API} if well_before else ()))


async def test_who_depends_on_it_has_to_be_well_too(bench: Bench) -> None:
    verdict = await _store_is_back_and_api_is_ill(bench)
    assert (verdict.better, verdict.worse, verdict.helped) == (False, False, True)


async def test_trouble_of_its_own_is_for_its_own_repair(bench: Bench) -> None:
    verdict = await _store_is_back_and_api_is_ill(bench, await bench.incident(API, Fault.HANG))
    assert verdict.better


async def test_who_suffers_from_another_cause_as_well_is_for_that_repair(bench: Bench) -> None:
    other = replace(await bench.incident(UnitId.local("fake", "stock"), Fault.HANG), affected=frozenset({API}))
    assert (await _store_is_back_and_api_is_ill(bench, other)).better


async def test_trouble_that_came_with_the_repair_counts(bench: Bench) -> None:
    verdict = await _store_is_back_and_api_is_ill(bench, await bench.incident(API, Fault.HANG), well_before=True)
    assert not verdict.better


async def test_what_is_not_well_itself_was_not_helped(bench: Bench) -> None:
    incident = await bench.incident(STORE)
    plan = bench.plan(STORE, *start_steps(await bench.unit(STORE)), incident=incident)
    await bench.supervisor.stop(STORE)
    verdict = await bench.verifier.verify(incident, plan, frozenset())
    assert (verdict.better, verdict.helped) == (False, False)


_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _watched(*probes: tuple[bool, float]) -> Baseline:
    """A baseline that looked at each of these: whether the probe succeeds, and for how many seconds it has done so."""
    baseline, world = Baseline(), World()
    for ok, seconds in probes:
        world.health[API] = HealthState(ok=ok, since=_NOW - timedelta(seconds=seconds))
        world.units.setdefault(API, Unit(id=API, state=UnitState.RUNNING))
        baseline.watch(world, (), _NOW)
    return baseline


@pytest.mark.parametrize(
    ("probes", "well"),
    [
        ([(True, 5)], True),
        ([(True, 5), (False, 3)], True),  # fails already, and the incident is about to be opened
        ([(True, 5), (False, 3), (False, 90)], False),
        ([(False, 3)], False),  # was never well
        ([(True, 5), (False, 90), (True, 1)], True),
    ],
)
def test_what_has_failed_for_seconds_only_was_well_before(probes: list[tuple[bool, float]], well: bool) -> None:
    assert _watched(*probes).was_well(API) is well
