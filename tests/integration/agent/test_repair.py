"""One incident from its opening to its end, with a real engine, a real service and a real daemon."""

from __future__ import annotations

from opsagent.api.client import ApiClient
from opsagent.model import Fault
from opsagent.store.rows import IncidentRow
from opsagent_memory import Kind, MemoryReader
from opsagent_tools.units import UnitId, UnitState
from tests.integration.agent.conftest import Place, accepts
from tests.support.waiting import until


def over(row: IncidentRow) -> bool:
    return row.status in {"resolved", "closed"}


def outcomes(place: Place) -> list[str]:
    with MemoryReader(place.home.database) as reader:
        return [str(one.outcome) for one in reader.containing(kind=Kind.EPISODE)]


def kinds(row: IncidentRow) -> list[str]:
    return [event.kind for event in row.events]


async def test_what_nobody_starts_again_is_started_once_and_the_journal_tells_the_whole_story(
    place: Place, free_port: int
) -> None:
    await place.up(place.service("store", free_port, autorestart=False))
    await place.watch()
    await place.kill("store")
    row = await place.incident(over)
    assert (row.incident.fault, row.status, row.outcome, row.remedy) == (
        Fault.CRASH,
        "resolved",
        "repaired",
        "crash/start",
    )
    assert len(place.starts("store")) == 2
    assert [step.status for plan in row.plans for step in plan.steps] == ["done"]
    story = [
        kind for kind in kinds(row) if kind in {"opened", "planned", "step_started", "verified", "learnt", "resolved"}
    ]
    assert story == ["opened", "planned", "step_started", "verified", "learnt", "resolved"]
    assert row.hypotheses
    assert row.mttr_s is not None


async def test_what_its_supervisor_mends_itself_is_left_to_it(place: Place, free_port: int) -> None:
    await place.up(place.service("web", free_port))
    await place.watch()
    await place.kill("web")
    row = await place.incident(over)
    assert (row.status, row.plans) == ("closed", ())
    assert len(place.starts("web")) == 2
    await until(lambda: outcomes(place) == ["self_recovered"], timeout=10, why="it is remembered, and credits nobody")


async def test_mode_suggest_says_what_it_would_do_and_does_nothing(place: Place, free_port: int) -> None:
    await place.up(place.service("store", free_port, autorestart=False))
    await place.watch("suggest")
    await place.kill("store")
    row = await place.incident(lambda row: "suggested" in kinds(row))
    assert "start:store" in next(event.text for event in row.events if event.kind == "planned")
    assert {"unit_state", "port_holder"} <= {evidence.probe for evidence in row.evidence}, "what it rests on is kept"
    assert [step for plan in row.plans for step in plan.steps] == []
    assert len(place.starts("store")) == 1
    await place.supervisor.start(UnitId.local("circus", "store"))  # a person follows the suggestion
    assert (await place.incident(over)).status == "closed"


async def test_mode_approve_asks_and_runs_the_stored_step_once_a_person_says_yes(place: Place, free_port: int) -> None:
    await place.up(place.service("store", free_port, autorestart=False))
    await place.watch("approve")
    await place.kill("store")
    await place.incident(lambda row: "asked" in kinds(row))
    with place.writing() as journal:
        (asked,) = journal.approvals()
        assert len(place.starts("store")) == 1
        journal.decide_approval(asked.id, approve=True, by="kim")
    row = await place.incident(over)
    assert row.outcome == "repaired"
    assert len(place.starts("store")) == 2
    with place.journal() as journal:
        assert journal.approval_status(asked.id) == "used"


async def test_in_a_maintenance_window_trouble_is_written_down_and_left_alone(place: Place, free_port: int) -> None:
    window = '[[maintenance]]\nunits = ["store"]\nwhen = "00:00-24:00"\nwhy = "moving the disk"\n'
    place.home.config_file.write_text(window)
    place.home.config_file.chmod(0o600)
    await place.up(place.service("store", free_port, autorestart=False))
    await place.watch()
    await place.kill("store")
    row = await place.incident(lambda row: "left_alone" in kinds(row))
    assert "maintenance window (moving the disk)" in next(e.text for e in row.events if e.kind == "left_alone")
    assert (row.status, row.plans, row.outcome) == ("open", (), None)
    assert len(place.starts("store")) == 1
    client = await ApiClient.connect(place.home.api_socket)
    try:
        (unit,) = (await client.call("status"))["units"]
    finally:
        await client.close()
    assert unit["maintenance"] == "moving the disk"


async def test_a_no_is_a_no(place: Place, free_port: int) -> None:
    await place.up(place.service("store", free_port, autorestart=False))
    await place.watch("approve")
    await place.kill("store")
    await place.incident(lambda row: "asked" in kinds(row))
    with place.writing() as journal:
        (asked,) = journal.approvals()
        journal.decide_approval(asked.id, approve=False, by="kim")
    await place.incident(lambda row: "refused" in kinds(row))
    assert len(place.starts("store")) == 1


async def test_what_a_person_stopped_stays_stopped(place: Place, free_port: int) -> None:
    await place.up(place.service("web", free_port))
    await place.watch()
    await place.supervisor.stop(UnitId.local("circus", "web"))
    await until(lambda: _not(accepts(free_port)), why="it is down")
    # another death is noticed meanwhile, so the agent is awake and has had its time
    with place.journal() as journal:
        assert journal.incidents() == ()
    assert (await place.unit("web")).state is UnitState.STOPPED


async def test_a_hold_and_a_pause_are_kept_and_their_end_is_seen(place: Place, free_port: int) -> None:
    await place.up(place.service("store", free_port, autorestart=False))
    await place.watch()
    unit = UnitId.local("circus", "store")
    with place.writing() as journal:
        journal.hold(unit, None, "a migration", "kim")
        journal.pause("kim", "looking around")
        await place.kill("store")
        await place.incident(lambda row: "left_alone" in kinds(row))
        assert len(place.starts("store")) == 1
        journal.release_hold(unit, "kim")
        journal.resume("kim")
    assert (await place.incident(over)).outcome == "repaired"
    assert len(place.starts("store")) == 2


async def _not(answer: object) -> bool:
    return not await answer  # type: ignore[misc]
