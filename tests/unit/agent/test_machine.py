"""An incident of the machine itself: no supervisor lists it, a person is told, and it ends when there is room again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent.agent import Agent
from opsagent.casefile import CaseFile
from opsagent.config import Config
from opsagent.home import Home
from opsagent.model import EvidenceKind, Fault, Incident, Scalar, Signal, SignalKind
from opsagent.naming import host_unit
from tests.support.measured import GB, disk
from tests.support.waiting import until


def sample(full: float, **more: Scalar) -> Signal:
    now, kind = datetime.now(UTC), SignalKind.HOST_SAMPLE
    data = {**disk(full, size=100 * GB), **more}
    return Signal(kind=kind, unit=host_unit(), at=now, evidence=EvidenceKind.KERNEL, data=data)


def status(agent: Agent) -> str:
    try:
        return agent.journal.incident("i1").status
    except LookupError:
        return ""


async def test_a_person_is_told_of_a_disk_and_it_is_over_when_there_is_room(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsagent.waiting._RECHECK_S", 0.02)
    monkeypatch.setattr("opsagent.waiting._QUIET_S", 0.1)
    agent = Agent(Home.open(home), Config())
    try:
        told = sample(0.97, resource="disk", share=0.97)
        agent.world.apply(sample(0.97))
        now = datetime.now(UTC)
        incident = Incident(
            id="i1", fault=Fault.SATURATION, unit=host_unit(), opened_at=now, began_at=now, symptoms=(told,)
        )
        agent._take_up(CaseFile(incident=incident))

        await until(lambda: status(agent) == "escalated", timeout=20)
        (note,) = (event.text for event in agent.journal.incident("i1").events if event.kind == "escalated")
        assert "/srv is 97% full" in note
        assert "do not delete data" in note
        assert agent.incidents() == {host_unit(): "i1"}

        agent.world.apply(sample(0.4))
        await until(lambda: not agent.incidents(), timeout=20)
        assert status(agent) == "closed"
    finally:
        await agent.close()
