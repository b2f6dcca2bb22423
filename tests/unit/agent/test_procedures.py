"""Procedures: proposed ones change nothing, accepted ones come first, and only a person of this memory accepts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsagent.exploring import is_proven
from opsagent.home import Home
from opsagent.learn import _propose
from opsagent.model import Fault, Incident, RemedyOdds
from opsagent.procedures import NotAcceptable, accept, accepted_in, with_accepted
from opsagent.recall import MemoryDesk, Recall
from opsagent_memory import Episode, Fact, Kind, Memory, Procedure, RecordNotFound, Source
from opsagent_memory.testing import HashEmbedder
from opsagent_tools.units import UnitId

NOW = datetime.now(UTC)
API = UnitId("pm2", "api", "here")
SCOPE = "unit/pm2/api"


@pytest.fixture
def place(home: Path) -> Home:
    return Home.open(home)


@pytest.fixture
def memory(place: Home) -> Iterator[Memory]:
    with Memory.open(place.database, place.chroma_dir, embedder=HashEmbedder()) as opened:
        yield opened


def proposed(**changes: Any) -> Procedure:
    fields = {"status": "proposed", "remedy": "crash/start", "class": "crash", "successes": 6, "failures": 0}
    fields |= changes.pop("fields", {})
    given: dict[str, Any] = {"scope": SCOPE, "text": "crash of api: start it", "created_at": NOW, "fields": fields}
    return Procedure(**{**given, **changes})


async def known(place: Home, fault: Fault = Fault.CRASH) -> dict[str, RemedyOdds]:
    recall = Recall(MemoryDesk(place), place)
    try:
        return {odds.remedy: odds for odds in await recall.odds(incident(fault))}
    finally:
        recall.close()


def incident(fault: Fault = Fault.CRASH) -> Incident:
    return Incident(id="i", fault=fault, unit=API, opened_at=NOW, began_at=NOW)


async def test_a_proposed_one_changes_nothing_and_an_accepted_one_is_known_without_the_model(
    place: Home, memory: Memory
) -> None:
    identity = memory.add(proposed())
    assert await known(place) == {}
    accepted = accept(memory, identity, by="kim")
    assert accepted.fields["accepted_by"] == "kim"
    odds = (await known(place))["crash/start"]
    assert odds.accepted
    assert (odds.tries, odds.successes) == (0, 0)
    assert await known(place, Fault.HANG) == {}, "it is for another fault"
    memory.forget(accepted.id)
    assert await known(place) == {}, "taken back"
    assert memory.show(identity).fields["status"] == "proposed"


async def test_a_decision_does_not_wait_for_a_memory_that_does_not_answer(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is at long work, say, or its embedding model hangs: what people accepted is known all the same."""
    with Memory.open(place.database, place.chroma_dir, embedder=HashEmbedder()) as memory:
        tried = {"class": "crash", "remedy": "crash/start", "outcome": "worked"}
        memory.learn(Episode(scope=SCOPE, text="crash of api", fields=tried, created_at=NOW))
        accept(memory, memory.add(proposed()), by="kim")
    monkeypatch.setattr("opsagent.recall._PATIENCE_S", 0.05)
    desk, answers = MemoryDesk(place, embedder=HashEmbedder()), threading.Event()
    recall = Recall(desk, place)
    working = asyncio.create_task(desk.use(lambda _: answers.wait(10.0)))
    await asyncio.sleep(0)
    try:
        (odds,) = await recall.odds(incident())
        assert not working.done()
        assert (odds.remedy, odds.accepted, odds.tries) == ("crash/start", True, 0)
    finally:
        answers.set()
        await working
        recall.close()
        await desk.close()


async def test_an_accepted_one_that_ceased_to_help_does_not_come_first_where_nothing_else_is_known(
    place: Home, memory: Memory
) -> None:
    accepted = accept(memory, memory.add(proposed()), by="kim")
    assert not (await known(place))["crash/start"].stale
    mark = proposed(fields={"stale": True, "accepted_before": accepted.id}, supersedes=accepted.id)
    memory.add(mark)
    odds = (await known(place))["crash/start"]
    assert odds.accepted, "a person's word stands"
    assert odds.stale
    assert not is_proven(odds)
    memory.add(proposed(fields={"stale": False, "accepted_before": accepted.id}, supersedes=mark.id))
    assert is_proven((await known(place))["crash/start"]), "it helps again"


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (proposed(fields={"remedy": "crash/st\u0430rt"}), "no runbook has a remedy"),
        (proposed(fields={"remedy": "crash/delete_database"}), "no runbook has a remedy"),
        (proposed(fields={"status": "accepted"}), "not proposed"),
        (proposed(source=Source.MODEL), "did not grow in this memory"),
        (proposed(source=Source.DOCUMENT), "did not grow in this memory"),
        (proposed(source=Source.LOGS), "did not grow in this memory"),
        (Fact(scope=SCOPE, text="run rollback, it always works", created_at=NOW), "not a procedure"),
    ],
)
def test_what_cannot_be_accepted(record: Procedure, why: str, memory: Memory) -> None:
    with pytest.raises(NotAcceptable, match=why):
        accept(memory, memory.add(record), by="kim")


def test_what_was_proposed_before_is_not_accepted_in_place_of_what_is_known_now(memory: Memory) -> None:
    older = memory.add(proposed())
    newer = memory.add(proposed(fields={"stale": True}, supersedes=older))
    with pytest.raises(NotAcceptable, match=f"{newer} took its place"):
        accept(memory, older, by="kim")
    with pytest.raises(NotAcceptable, match="no longer does"):
        accept(memory, newer, by="kim")


def test_one_is_accepted_once_so_that_taking_it_back_takes_it_back(memory: Memory) -> None:
    identity = memory.add(proposed())
    accepted = accept(memory, identity, by="kim")
    with pytest.raises(NotAcceptable, match=f"{accepted.id} took its place"):
        accept(memory, identity, by="lee")
    memory.forget(accepted.id)
    assert accept(memory, identity, by="lee").fields["accepted_by"] == "lee"
    ended = memory.add(proposed(text="another"))
    memory.end(ended, NOW, "no longer so")
    with pytest.raises(NotAcceptable, match="no longer holds"):
        accept(memory, ended, by="kim")


def test_what_came_from_another_memory_cannot_be_accepted(memory: Memory, tmp_path: Path) -> None:
    with Memory.open(tmp_path / "other", tmp_path / "index", embedder=HashEmbedder()) as other:
        identity = other.add(proposed())
        other.export(tmp_path / "export.jsonl")
    memory.import_(tmp_path / "export.jsonl")
    with pytest.raises(NotAcceptable, match="did not grow in this memory"):
        accept(memory, identity, by="kim")
    with pytest.raises(RecordNotFound):
        accept(memory, "pr-0000", by="kim")


def test_only_what_people_said_here_and_now_is_accepted() -> None:
    taken = proposed(fields={"status": "accepted"}, source=Source.PERSON)
    over = proposed(fields={"status": "accepted"}, source=Source.PERSON, valid_to=NOW - timedelta(days=1))
    assert accepted_in([taken, over, proposed()], SCOPE, Fault.CRASH, NOW) == ("crash/start",)
    assert accepted_in([taken], "unit/pm2/web", Fault.CRASH, NOW) == ()
    odds = RemedyOdds(remedy="crash/start", similarity=0.9, tries=3, successes=3, score=0.8)
    assert [one.accepted for one in with_accepted((odds,), ("crash/start",))] == [True]


def test_an_accepted_one_is_of_a_person(memory: Memory) -> None:
    accepted = accept(memory, memory.add(proposed()), by="kim")
    assert (accepted.kind, accepted.source) == (Kind.PROCEDURE, Source.PERSON)


def worked_out(**changes: Any) -> Procedure:
    return proposed(id="pr-plan-1", fields={"remedy": "learnt/restart@pm2:store", "successes": 1}, **changes)


@pytest.mark.parametrize("accepted", [False, True])
async def test_what_a_model_worked_out_is_proposed_once_and_accepted_only_by_somebodys_word(
    place: Home, memory: Memory, accepted: bool
) -> None:
    """Somebody: a person with `memory accept`, or with the configuration, where every step is safe."""
    said = _propose(memory, worked_out(), accept=accepted)
    assert ("opsagent memory accept pr-plan-1" in said) is not accepted
    assert _propose(memory, worked_out(), accept=accepted) == ""  # a later life of the agent
    memory.close()
    odds = (await known(place)).get("learnt/restart@pm2:store")
    assert (odds is not None and odds.accepted) is accepted


def test_a_name_that_says_nothing_that_may_be_done_is_not_accepted(memory: Memory) -> None:
    memory.add(proposed(id="pr-x", fields={"remedy": "learnt/stop"}))
    with pytest.raises(NotAcceptable, match="no runbook has a remedy"):
        accept(memory, "pr-x", by="ann")
