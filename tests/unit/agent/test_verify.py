"""verify: whose being well counts, and for how much."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent import verify
from opsagent.aftermath import errors_go_on, grows_on
from opsagent.episodes import Tried
from opsagent.evident import Conditions, Shown
from opsagent.learn import outcome_of
from opsagent.model import (
    Evidence,
    EvidenceKind,
    Fault,
    Incident,
    Plan,
    ProbeRequest,
    Scalar,
    Signal,
    SignalKind,
    Verdict,
)
from opsagent.planning import start_steps
from opsagent.verify import Baseline, Verifier
from opsagent.world import HealthState, World
from opsagent_memory import Outcome
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitState
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


async def _judged(bench: Bench, shown: Shown | None = None, *, fault: Fault = Fault.CRASH) -> Verdict:
    """Judge the start of a store that is well, by what the remedy itself wants to hold."""
    incident = await bench.incident(STORE, fault)
    plan = bench.plan(STORE, *start_steps(await bench.unit(STORE)), incident=incident)

    class Told(Conditions):
        async def of(self, incident: Incident, plan: Plan) -> Shown:
            assert shown is not None
            return shown

    conditions = Told(bench.world, _nobody) if shown is not None else None
    return await Verifier(bench.checker, bench.world, Baseline(), tuple, conditions).verify(incident, plan, frozenset())


async def _nobody(requests: Sequence[ProbeRequest]) -> Sequence[Evidence]:
    raise AssertionError(f"nothing is to be probed: {requests}")


@pytest.mark.parametrize(
    ("shown", "verdict"),
    [
        (Shown(holds=True), (True, False, False)),
        (Shown(holds=False, why="disk.free < 0.1"), (False, True, False)),
        (Shown(holds=False, why="disk could not find out", unknown=True), (True, False, True)),
    ],
)
async def test_what_the_remedy_itself_wants_to_hold_counts(
    bench: Bench, shown: Shown, verdict: tuple[bool, bool, bool]
) -> None:
    found = await _judged(bench, shown)
    assert (found.better, found.helped, found.unproven) == verdict
    assert shown.why in found.why


async def test_its_conditions_are_asked_of_probes_afresh(bench: Bench) -> None:
    asked: list[ProbeRequest] = []

    async def probe(requests: Sequence[ProbeRequest]) -> Sequence[Evidence]:
        asked.extend(requests)
        now = datetime.now(UTC)
        return [
            Evidence(probe=one.probe, unit=one.unit, kind=EvidenceKind.KERNEL, at=now, facts={"share": 0.4})
            for one in requests
        ]

    incident = await bench.incident(STORE)
    await bench.unit(STORE)
    plan = replace(bench.plan(STORE, incident=incident), verify=("room_left.share < 0.7", "unit.state is running"))
    conditions = Conditions(bench.world, probe)
    assert (await conditions.of(incident, plan)).holds
    assert asked == [ProbeRequest("room_left", STORE)]
    missed = await conditions.of(incident, replace(plan, verify=("room_left.share > 0.7",)))
    assert (missed.holds, missed.unknown) == (False, False)
    assert (await conditions.of(incident, replace(plan, verify=("gibberish",)))).unknown


async def test_who_ends_again_and_again_is_not_well(bench: Bench) -> None:
    """Its supervisor starts it anew at once: at each look it runs."""
    incident = await bench.incident(API)
    plan = bench.plan(API, *start_steps(await bench.unit(API)), incident=incident)
    judging = asyncio.create_task(Verifier(bench.checker, bench.world, Baseline()).verify(incident, plan, frozenset()))
    while not judging.done():
        await bench.kill(API)
        await asyncio.sleep(0.05)
    assert not (await judging).better


async def test_where_nobody_can_tell_it_is_neither_credit_nor_blame(bench: Bench) -> None:
    incident = await bench.incident(STORE)
    plan = bench.plan(STORE, *start_steps(await bench.unit(STORE)), incident=incident)
    bench.supervisor.lose()
    verdict = await bench.verifier.verify(incident, plan, frozenset())
    assert (verdict.better, verdict.worse, verdict.unproven) == (False, False, True)
    tried = Tried(plan=plan, done_steps=1, begun_steps=1, acted_at=None, ended_at=_NOW)
    assert outcome_of(tried, verdict) is Outcome.UNPROVEN


def _error(seconds: float, key: str, count: int = 1) -> Signal:
    at = _NOW + timedelta(seconds=seconds)
    data: dict[str, Scalar] = {"key": key, "count": count}
    return Signal(kind=SignalKind.LOG_ERROR, unit=API, at=at, evidence=EvidenceKind.TEXT, data=data)


@pytest.mark.parametrize(
    ("after", "goes_on"),
    [
        ([], False),
        ([(20, "k1", 5)], False),  # far less than during the fault: 40 in 10 s
        ([(20, "k1", 40)], True),
        ([(20, "k2", 400)], False),  # not what the incident began with
        ([(10.5, "k1", 400)], False),  # the first moment may tell of before
    ],
)
def test_errors_that_go_on_are_those_of_the_incident_at_their_own_rate(
    after: list[tuple[float, str, int]], goes_on: bool
) -> None:
    symptoms = tuple(_error(second, "k1", 4) for second in range(1, 11))
    incident = Incident(
        id="i", fault=Fault.ERROR_BURST, unit=API, opened_at=_NOW, began_at=_NOW, symptoms=symptoms
    )  # fmt: skip
    world = World()
    for each in (*symptoms, *(_error(*one) for one in after)):
        world.apply(each)
    found = errors_go_on(incident, API, world, _NOW + timedelta(seconds=10), _NOW + timedelta(seconds=25))
    assert bool(found) is goes_on, found


@pytest.mark.parametrize(("per_s", "said"), [(0, ""), (1, "1 min"), (5, "8 s"), (0.0001, "")])
def test_growth_after_a_repair_is_foretold(tmp_path: Path, per_s: float, said: str) -> None:
    """100 MB at first, 10 samples, a limit of 190 MB: it is not held against the repair, and a person learns of it."""
    world = World([ServiceSpec(name="api", command=("api",), cwd=tmp_path, max_memory=190_000_000)])
    world.units[API] = Unit(id=API, state=UnitState.RUNNING)
    key = ProcessKey(4_999_999, 1.0)
    for second in range(11):
        data = {"rss": int(1e8 + second * per_s * 1e6)}
        at = _NOW + timedelta(seconds=second)
        kind, evidence = SignalKind.SAMPLE, EvidenceKind.KERNEL
        world.apply(Signal(kind=kind, unit=API, at=at, evidence=evidence, process=key, data=data))
    assert (said in grows_on(API, world, _NOW)) if said else not grows_on(API, world, _NOW)
