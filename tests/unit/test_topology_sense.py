"""What the sense of topology does with what it sees: written down, read again, units that are renamed."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent.senses.topology import FILE, TopologySense, load
from opsagent.senses.topology_look import Looker, Scene
from opsagent.topology import SURE_AFTER, Link, Node
from opsagent.topology_sight import Sight
from opsagent.world import HealthState, World
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState
from tests.support.waiting import until


def uid(name: str) -> UnitId:
    return UnitId("pm2", name, "here")


def running(name: str, pid: int) -> Unit:
    return Unit(id=uid(name), state=UnitState.RUNNING, processes=(Process(key=ProcessKey(pid, 1.0)),))


LINK = Link(Node.of(uid("api")), Node.of(uid("store")), 5432)


class Seeing(Looker):
    """Sees what it is told to."""

    def __init__(self, *links: Link | None) -> None:
        super().__init__()
        self.links = links
        self.scenes: list[Scene] = []
        self.pause_s = 0.01

    def look(self, scene: Scene) -> Sight | None:
        self.scenes.append(scene)
        if None in self.links:
            raise OSError("something that nobody thought of")
        return Sight(links=frozenset(link for link in self.links if link is not None))


def sensing(folder: Path, *links: Link | None) -> tuple[World, TopologySense, Seeing]:
    world = World()
    world.replace_units("pm2", [running("api", 7), running("store", 8)])
    sense = TopologySense(world, folder)
    sense.looker = looker = Seeing(*links)
    return world, sense, looker


async def test_what_is_learnt_outlives_the_agent(tmp_path: Path) -> None:
    world, sense, looker = sensing(tmp_path, LINK)
    watching = asyncio.create_task(sense.watch())
    await until(lambda: world.upstream(uid("api")) == (uid("store"),))
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert looker.scenes[-1].servers == {5432: Node.of(uid("store"))}

    later, sense, _ = sensing(tmp_path)
    await sense.recall()
    assert later.upstream(uid("api")) == (uid("store"),)


async def test_a_look_that_breaks_off_is_not_the_last_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world, sense, looker = sensing(tmp_path, None)
    watching = asyncio.create_task(sense.watch())
    with caplog.at_level(logging.CRITICAL):
        await until(lambda: len(looker.scenes) > 2)
    looker.links = (LINK,)
    await until(lambda: world.upstream(uid("api")))
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_edges_go_with_the_process_that_is_listed_under_another_name(tmp_path: Path) -> None:
    world, sense, looker = sensing(tmp_path, LINK)
    for _ in range(SURE_AFTER):
        await sense.look()
    world.replace_units("pm2", [running("shop/api", 7), running("store", 8)])
    looker.links = ()
    await sense.look()
    assert world.upstream(uid("shop/api")) == (uid("store"),)
    world.replace_units("pm2", [running("other", 9), running("store", 8)])
    await sense.look()
    assert world.upstream(uid("other")) == ()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', "[" * 100_000, '{"format": 1, "edges": 7}'])
def test_a_file_that_cannot_be_used_is_learnt_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    assert len(load(tmp_path / FILE)) == 0


def test_a_link_to_somebody_elses_file_is_not_followed(tmp_path: Path) -> None:
    world, sense, _ = sensing(tmp_path, LINK)
    world.topology.take([LINK], [], datetime.now(UTC), 1.0)
    (tmp_path / "elsewhere").write_text("{}")
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")
    assert len(load(tmp_path / FILE)) == 0
    sense._save()
    assert (tmp_path / "elsewhere").read_text() == "{}"
    assert not (tmp_path / FILE).is_symlink()
    assert len(load(tmp_path / FILE)) == 1


def test_a_full_disk_costs_only_what_was_learnt_since(tmp_path: Path) -> None:
    world, sense, _ = sensing(tmp_path / "nowhere", LINK)
    world.topology.take([LINK], [], datetime.now(UTC), 1.0)
    sense._save()
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("health", [True, False, None])
async def test_a_unit_that_is_well_while_another_was_stopped_long_ago_does_without(
    tmp_path: Path, health: bool | None
) -> None:
    world, sense, looker = sensing(tmp_path, LINK)
    for _ in range(SURE_AFTER):
        await sense.look()
    looker.links = ()
    world.replace_unit(Unit(id=uid("store"), state=UnitState.STOPPED))
    if health is not None:
        world.health[uid("api")] = HealthState(ok=health, since=datetime.now(UTC))
    assert sense._looked_at is not None
    sense._looked_at -= 3700.0  # the look before was so long ago
    await sense.look()
    assert world.upstream(uid("api")) == ((uid("store"),) if health is False else ())
