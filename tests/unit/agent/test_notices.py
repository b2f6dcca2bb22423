"""What was noticed: live, in memory, in the journal for a while, and beside the incident that it belongs to."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsagent.agent import Agent
from opsagent.config import Config
from opsagent.detect import Closed, Noticed, Opened, Updated
from opsagent.home import Home
from opsagent.model import EvidenceKind, Fault, Incident
from opsagent.notice import Notice, NoticeKind
from opsagent.orders import OrderBook
from opsagent.own_agent import OwnAgent
from opsagent.repair import Repairer
from opsagent.store import notices as rows
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from opsagent.telling.account import whole
from opsagent.views.incidents import page
from opsagent.views.terminal import Screen
from tests.support.waiting import until
from tests.unit.agent.conftest import API, STORE

NOW = datetime.now(UTC)


def notice(unit: Any = API, text: str = "api logs a new error: no table", ago_s: float = 0.0, **data: str) -> Notice:
    at = NOW - timedelta(seconds=ago_s)
    kind = NoticeKind.NEW_SIGNATURE
    return Notice(kind=kind, unit=unit, at=at, evidence=EvidenceKind.TEXT, text=text, data={"key": text, **data})


def incident(**values: Any) -> Incident:
    return Incident(id="i1", fault=Fault.HANG, unit=API, opened_at=NOW, began_at=NOW, summary="api hangs", **values)


@pytest.fixture
def agent(home: Path, monkeypatch: pytest.MonkeyPatch) -> Agent:
    async def handle(self: Repairer, file: Any) -> None:
        await self._shop.books.open(file)
        await asyncio.Event().wait()

    monkeypatch.setattr(Repairer, "handle", handle)
    return Agent(Home.open(home), Config())


async def opened(agent: Agent) -> None:
    """Wait until the incident is in the journal."""
    await until(agent.journal.incidents)


async def test_of_signatures_the_latest_are_offered(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    class Folded:
        def signatures(self, unit: str | None) -> list[dict[str, Any]]:
            return [{"unit": unit, "key": str(last), "last": float(last)} for last in (3, 9, 1, 7)]

    monkeypatch.setattr(agent, "senses", Folded())
    try:
        latest = await OwnAgent(agent).signatures(limit=2)
        every = await OwnAgent(agent).signatures("api")
    finally:
        monkeypatch.undo()
        await agent.close()
    assert [one["key"] for one in latest] == ["9", "7"]
    assert [one["unit"] for one in every] == ["api"] * 4


async def test_a_notice_is_told_kept_and_offered(agent: Agent) -> None:
    heard = agent.timeline.listen()
    first = asyncio.ensure_future(anext(heard))
    await asyncio.sleep(0)
    try:
        agent._detected([Noticed(notice())])
        (offered,) = await OwnAgent(agent).notices(5)
        await agent.notices.flush()
        (written,) = agent.journal.notices()
        item = await first
    finally:
        await agent.close()
    assert (item["kind"], item["text"], item["unit"]) == ("notice", "api logs a new error: no table", str(API))
    assert offered["kind"] == "new_signature"
    assert offered["evidence"] == "text"
    assert written == notice()


async def test_what_was_noticed_before_and_during_an_incident_stands_beside_it(agent: Agent) -> None:
    try:
        agent._detected([Noticed(notice(text="long ago", ago_s=600))])
        agent._detected([Noticed(notice(text="just before", ago_s=20)), Noticed(notice(STORE, "elsewhere", 20))])
        agent._detected([Opened(incident(why_root="perhaps because of store"))])
        await opened(agent)
        await until(lambda: "root" in {event.kind for event in agent.journal.events("i1")})
        agent._detected([Noticed(notice(text="meanwhile")), Noticed(notice(STORE, "of somebody else"))])
        await agent.notices.flush()
        await agent.timeline.flush()
        row = agent.journal.incident("i1")
    finally:
        await agent.close()
    told = [(event.kind, event.text) for event in row.events]
    assert [text for kind, text in told if kind == "notice"] == ["just before", "meanwhile"]
    assert told.index(("notice", "just before")) < told.index(("opened", "api hangs"))
    lines = page(whole(row), Screen(width=None, colours=False, terminal=False))
    assert "why here  perhaps because of store" in lines
    assert any("just before" in line for line in lines)


async def test_an_incident_that_is_open_for_weeks_does_not_fill_up(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsagent.notices._MEANWHILE", 3)
    try:
        agent._detected([Opened(incident())])
        await opened(agent)
        for number in range(9):
            agent._detected([Noticed(notice(text=f"n{number}"))])
        await agent.notices.flush()
        row = agent.journal.incident("i1")
        assert [event.text for event in row.events if event.kind == rows.KIND] == ["n0", "n1", "n2"]
        assert len(agent.journal.notices()) == 9
        agent._detected([Closed("i1", "no more")])
    finally:
        await agent.close()


async def test_where_the_cause_is_thought_to_be_is_told_when_it_moves(agent: Agent) -> None:
    try:
        agent._detected([Opened(incident())])
        await opened(agent)
        moved = Incident(
            id="i1",
            fault=Fault.CRASH,
            unit=STORE,
            opened_at=NOW,
            began_at=NOW,
            affected=frozenset({API}),
            why_root="because",
        )
        agent._detected([Updated(moved)])
        agent._detected([Updated(moved)])
        await agent.timeline.flush()
        row = agent.journal.incident("i1")
        agent._detected([Closed("i1", "no more")])
    finally:
        await agent.close()
    assert [event.text for event in row.events if event.kind == "root"] == ["because"]
    assert row.incident.why_root == "because"


async def test_a_journal_that_cannot_be_written_gets_it_later(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    write = agent.journal.note_notices

    def full(_notices: Any) -> None:
        raise StoreError("the disk is full")

    try:
        monkeypatch.setattr(agent.journal, "note_notices", full)
        agent._detected([Noticed(notice(text="first"))])
        await agent.notices.flush()
        monkeypatch.setattr(agent.journal, "note_notices", write)
        agent._detected([Noticed(notice(text="second"))])
        await agent.notices.flush()
        assert [one.text for one in agent.journal.notices()] == ["second", "first"]
    finally:
        await agent.close()


async def test_while_it_cannot_be_written_the_oldest_are_given_up(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = agent.journal.note_notices

    def full(_notices: Any) -> None:
        agent.notices._unwritten.append((notice(text="meanwhile"), None))
        raise StoreError("the disk is full")

    try:
        agent.notices._unwritten = deque(maxlen=3)
        monkeypatch.setattr(agent.journal, "note_notices", full)
        for number in range(3):
            agent.notices.take(notice(text=f"n{number}"))
        await agent.notices.flush()
        monkeypatch.setattr(agent.journal, "note_notices", write)
        agent.notices._write_soon()
        await agent.notices.flush()
        assert [one.text for one in agent.journal.notices()] == ["meanwhile", "n2", "n1"]
    finally:
        await agent.close()


async def test_what_people_ordered_mutes_and_a_deploy_is_a_release(agent: Agent) -> None:
    orders = OrderBook(agent.journal, agent.detector)
    muted, world = agent.detector._noticing.muted, agent.world
    try:
        agent.journal.hold(API, None, "migration", "ann")
        await orders.look()
        assert muted(API, world, NOW) == "on hold: migration"
        assert muted(STORE, world, NOW) == ""
        agent.journal.release_hold(API, "ann")
        agent.journal.begin_deploy(STORE, NOW + timedelta(hours=1), "new", "ben")
        await orders.look()
        assert muted(API, world, NOW) == ""
        assert muted(STORE, world, NOW) == "being deployed by ben"
        assert agent.detector._noticing._logs._news._units[STORE].released is not None
        agent.journal.pause("ann", "holidays")
        await orders.look()
        assert muted(API, world, NOW)
    finally:
        await agent.close()


def test_the_journal_keeps_the_latest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "KEPT", 5)
    with Journal.open(Home.open(home)) as journal:
        journal.note_notices([(notice(text=f"number {number}", ago_s=100 - number), None) for number in range(9)])
        journal.note_notices([(notice(text="old", ago_s=40 * 86_400), None), (notice(text="of an incident"), "i1")])
        assert journal.prune_notices() == 5
        assert [one.text for one in journal.notices()] == [f"number {number}" for number in (8, 7, 6, 5, 4)]
        assert journal.notices(unit=STORE) == ()
        assert [event.text for event in journal.events("i1")] == ["of an incident"]
        assert journal.verify().problems == ()
