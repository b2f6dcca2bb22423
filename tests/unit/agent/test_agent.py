"""The agent as a whole, where it must hold out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent.agent import Agent
from opsagent.casefile import CaseFile
from opsagent.config import Config
from opsagent.home import Home
from opsagent.model import Fault, Incident
from opsagent.repair import Repairer
from opsagent.store.errors import StoreError
from tests.unit.agent.conftest import API


async def test_a_repair_waits_for_a_journal_that_cannot_be_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk nothing is done; once there is room again, the trouble is still known."""
    monkeypatch.setattr("opsagent.agent._STORE_AGAIN_S", 0.01)
    tries: list[CaseFile] = []
    handled = asyncio.Event()

    async def handle(_self: Repairer, file: CaseFile) -> None:
        tries.append(file)
        if len(tries) < 3:
            raise StoreError("opsagent.db: the disk is full")
        handled.set()

    monkeypatch.setattr(Repairer, "handle", handle)
    now = datetime.now(UTC)
    agent = Agent(Home.open(home), Config())
    try:
        agent._take_up(CaseFile(incident=Incident(id="i1", fault=Fault.CRASH, unit=API, opened_at=now, began_at=now)))
        await asyncio.wait_for(handled.wait(), 5.0)
    finally:
        await agent.close()

    assert [file.incident.id for file in tries] == ["i1"] * 3
