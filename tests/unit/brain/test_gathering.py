"""How evidence is gathered: side by side, each within its time, and what hangs keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from types import MappingProxyType

import pytest

from opsagent import evidence
from opsagent.evidence import PROBES, gather
from opsagent.model import EvidenceKind, ProbeRequest
from opsagent.probes.costs import PROBE_COSTS
from opsagent.probes.patience import AGAIN_S, Patience
from opsagent.probes.room import Found, Room
from opsagent.world import World
from opsagent_tools.units import UnitId
from tests.support.cases import NOW, unit_of

UNIT = unit_of("api").id


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A probe that hangs in a thread until the test is done."""
    over = threading.Event()

    async def hangs(room: Room, unit: UnitId) -> Found:
        await asyncio.to_thread(over.wait, 30)
        return Found(kind=EvidenceKind.KERNEL)

    async def answers(room: Room, unit: UnitId) -> Found:
        await asyncio.to_thread(time.sleep, 0)
        return Found(kind=EvidenceKind.KERNEL, facts={"ok": True})

    monkeypatch.setattr(evidence, "PROBES", MappingProxyType({**PROBES, "hangs": hangs, "answers_at_once": answers}))
    monkeypatch.setattr(evidence, "_TIMEOUT_S", 0.2)
    monkeypatch.setattr(evidence, "_PATIENCE", Patience())
    try:
        yield over
    finally:
        over.set()


def test_what_hangs_never_blocks_longer_than_its_time_nor_anybody_else(stuck: threading.Event) -> None:
    async def ask() -> tuple[list[dict[str, object]], float]:
        began = time.monotonic()
        many = [ProbeRequest("hangs", UnitId("circus", f"s{number}", "box")) for number in range(40)]
        found = await gather([*many, ProbeRequest("answers_at_once", UNIT)], World(), {}, NOW)
        took = time.monotonic() - began
        stuck.set()
        return [dict(one.facts) for one in found], took

    facts, took = asyncio.run(ask())
    assert all(one["failed"] == "no answer in time" for one in facts[:-1])
    assert facts[-1] == {"ok": True}
    assert took < 3.0


def test_what_hung_is_not_asked_again_at_once() -> None:
    clock = [0.0]
    patience = Patience(clock=lambda: clock[0])
    request = ProbeRequest("disk", UNIT)
    assert not patience.is_left_alone(request)
    patience.hung(request)
    assert patience.is_left_alone(request)
    assert not patience.is_left_alone(ProbeRequest("disk", UnitId("circus", "web", "box")))
    clock[0] = AGAIN_S
    assert not patience.is_left_alone(request)


def test_every_probe_has_its_cost_and_every_cost_its_probe() -> None:
    assert set(PROBE_COSTS) == set(PROBES)
    assert set(PROBE_COSTS.values()) <= {0, 1, 2, 3}
