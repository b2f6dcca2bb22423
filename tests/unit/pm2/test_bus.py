"""The reader of the bus never stops reading: a slow listener costs messages, which are counted and told, never memory."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path

from opsagent_tools.supervisors.pm2 import codec
from opsagent_tools.supervisors.pm2.bus import Bus, Message
from opsagent_tools.supervisors.pm2.home import Home
from opsagent_tools.trust import Peer

ALL = frozenset({"process:event", "log:out", "log:err"})


def bus(topics: frozenset[str] | None = ALL) -> Bus:
    return Bus(Peer(uid=0, pid=1), topics)


def said(topic: str, **data: object) -> bytes:
    return codec.encode(topic, data)


async def drained(reader: Bus) -> list[Message]:
    """All that it still holds."""
    reader.ended("done")
    found = []
    while (message := await reader.next()) is not None:
        found.append(message)
    return found


async def test_events_go_before_output_and_keep_their_order() -> None:
    reader = bus()
    reader.take(said("log:out", data="1") + said("process:event", event="exit") + said("log:out", data="2"))
    reader.take(said("process:event", event="online"))
    heard = [(message.topic, *message.data.values()) for message in await drained(reader)]
    assert heard == [("process:event", "exit"), ("process:event", "online"), ("log:out", "1"), ("log:out", "2")]


async def test_a_flood_that_nobody_reads_is_bounded_and_told() -> None:
    reader, chunk = bus(), said("log:out", data="x" * 10_000)
    tracemalloc.start()
    for _ in range(10_000):  # 100 MB
        reader.take(chunk)
    reader.take(said("process:event", event="exit"))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    heard = await drained(reader)

    assert held < 16 * 1024 * 1024
    lost = heard[0]
    assert lost.topic == ""
    assert lost.data["log:out"] == reader.dropped["log:out"] > 9000
    assert heard[1].data == {"event": "exit"}  # no event is lost for output
    assert len(heard) - 2 + reader.dropped["log:out"] == 10_000


async def test_events_are_bounded_too() -> None:
    reader = bus()
    for number in range(5000):
        reader.take(said("process:event", event="exit", number=number))
    heard = await drained(reader)
    assert heard[0].data == {"process:event": 5000 - 4096}
    assert heard[-1].data["number"] == 4999


async def test_what_nobody_wants_is_not_kept() -> None:
    reader = bus(None)
    reader.take(said("log:out", data="x") + said("axm:monitor", data={}) + codec.encode("process:event", "no object"))
    assert [message.topic for message in await drained(reader)] == ["axm:monitor"]


async def test_noise_ends_it_with_a_reason() -> None:
    reader = bus()
    reader.take(said("process:event", event="exit") + b"HTTP/1.1 200 OK")
    assert [message.data for message in await drained(reader)] == [{"event": "exit"}]
    assert "not a message of PM2" in reader.over


async def test_it_reads_on_while_its_listener_sleeps(tmp_path: Path) -> None:
    """30 MB through a real socket, to a listener that takes nothing: the other side is never kept waiting."""
    arrived = asyncio.Event()

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(300):
            writer.write(said("log:out", data="y" * 100_000))
            await writer.drain()
        writer.write(said("process:event", event="exit"))
        await writer.drain()
        arrived.set()
        writer.close()

    path = tmp_path / "p"
    path.mkdir(mode=0o700)
    server = await asyncio.start_unix_server(flood, path / "pub.sock")
    reader = await Bus.open(Home(path), ALL)
    async with asyncio.timeout(20):
        await arrived.wait()
        heard = [await reader.next() for _ in range(2)]
    reader.close()
    server.close()
    await server.wait_closed()

    assert reader.dropped["log:out"] > 200
    assert heard[0] is not None
    assert heard[0].topic == ""
