"""The memory over the local API: real socket, real memory, real model; the same answers with and without a daemon."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opsagent.api.errors import RemoteError, RemoteLookup, VersionMismatch
from opsagent.api.server import ApiServer
from opsagent.cli.main import main
from opsagent.cli.output import Out
from opsagent.home import Home
from opsagent.memory_methods import MemoryMethods
from opsagent.memory_port import MemoryPort, open_memory
from opsagent.recall import MemoryDesk
from opsagent_memory import Episode, Memory, MemoryReader

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(name="home")
def home_(home: Path) -> Iterator[Home]:
    found = Home.open(home)
    yield found
    found.discard_runtime_dir()


@asynccontextmanager
async def daemon(home: Home) -> AsyncIterator[tuple[MemoryDesk, MemoryMethods]]:
    """Who owns the memory and serves it."""
    with home.owner_lock():
        desk = MemoryDesk(home)
        methods = MemoryMethods(desk)
        try:
            async with ApiServer(home.api_socket, methods.handlers):
                yield desk, methods
        finally:
            await desk.close()


async def result_of(items: AsyncIterator[Any]) -> dict[str, Any]:
    return [item async for item in items][-1]["result"]  # type: ignore[no-any-return]


async def tell_and_ask(memory: MemoryPort, folder: Path) -> list[Any]:
    """One of everything; what comes back, without what differs from run to run."""
    (folder / "runbook.md").write_text("# Billing\n\n## Restart\n\nOnly at night. password=hunter2abc\n")
    kept = await memory.memory_add("the pool has 20 connections, token=abcdef1234567890", "unit/pm2/api")
    taken = await result_of(memory.memory_ingest([str(folder)], "all"))
    found = await memory.memory_search("how many connections", unit="api")
    pieces = await memory.memory_search("when may billing be restarted", kind="fact", limit=1)
    gone = await memory.memory_forget([kept["id"]])
    again = await memory.memory_forget([kept["id"]])
    texts = await result_of(memory.memory_reindex())
    assert found[0]["id"] == gone["forgotten"][0] == again["known"][0] == kept["id"]
    return [kept["text"], kept["masked"], taken["added"], found[0]["similarity"], pieces[0]["text"], texts]


def test_a_daemon_answers_as_the_process_itself_does(tmp_path: Path, home: Home) -> None:
    async def alone() -> list[Any]:
        async with open_memory(home) as memory:
            assert isinstance(memory, MemoryMethods)
            return await tell_and_ask(memory, tmp_path)

    async def served() -> list[Any]:
        async with daemon(other), open_memory(other) as memory:
            assert not isinstance(memory, MemoryMethods)
            return await tell_and_ask(memory, tmp_path)

    other = Home.open(tmp_path / "other")
    try:
        answers = asyncio.run(alone())
        assert asyncio.run(served()) == answers
    finally:
        other.discard_runtime_dir()
    text, masked, added, _, piece, _ = answers
    assert masked
    assert "abcdef1234567890" not in text
    assert added == [str(tmp_path / "runbook.md")]
    assert "hunter2abc" not in piece
    assert b"hunter2abc" not in home.database.read_bytes()


def lessons(memory: Memory) -> None:
    """Two causes of one service, and what helps for each."""
    for number in range(8):
        for cause, remedy in (("crash: exit 1; FATAL lock held", "crash/start"), ("hang: no answer", "hang/restart")):
            fields = {
                "class": cause.partition(":")[0],
                "remedy": remedy,
                "outcome": "worked" if number % 4 else "failed",
            }
            memory.learn(Episode(scope="unit/pm2/api", text=f"{cause} <b>{number}", created_at=NOW, fields=fields))


def test_what_was_learnt_is_told_and_drawn(
    tmp_path: Path, home: Home, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Out, "wrote_json", False)
    path = tmp_path / "memory.html"

    async def ask() -> list[Any]:
        async with daemon(home) as (desk, _), open_memory(home) as memory:
            await desk.use(lessons)
            tidied = await result_of(memory.memory_consolidate(dry_run=True))
            # The command asks this very daemon, in a thread of its own.
            code = await asyncio.to_thread(main, ["memory", "stats", "--html", str(path), "--home", str(home.path)])
            assert code == 0
            return [await memory.memory_families(["unit/pm2/api"]), tidied]

    families, tidied = asyncio.run(ask())
    assert {family["fault_class"] for family in families} == {"crash", "hang"}
    assert sum(family["lessons"] for family in families) == 16
    assert all(0 <= family["x"] <= 1 and 0.5 < family["share"] < 1 for family in families)
    assert {remedy["remedy"] for family in families for remedy in family["remedies"]} == {"crash/start", "hang/restart"}
    assert tidied["dry_run"]
    assert tidied["complete"]
    capfd.readouterr()
    page = path.read_text()
    assert "FATAL lock held &lt;b&gt;" in page
    assert "<b>7" not in page
    assert main(["memory", "families", "--unit", "api", "--json", "--home", str(home.path)]) == 0
    shown = json.loads(capfd.readouterr().out)["families"]
    assert [family["id"] for family in shown] == [family["id"] for family in families], "without a daemon the same"
    assert all(family["text"] for family in shown)


def test_what_cannot_be_is_told_by_its_name(tmp_path: Path, home: Home) -> None:
    async def ask() -> None:
        async with daemon(home), open_memory(home) as memory:
            with pytest.raises(RemoteLookup, match="fa-nosuch"):
                await memory.memory_forget(["fa-nosuch"])
            bad = tmp_path / "bad.jsonl"
            bad.write_text("{}\n")
            with pytest.raises(RemoteError, match="line 1") as refused:
                await result_of(memory.memory_import(str(bad)))
            assert refused.value.code == "ImportRefused"
            with pytest.raises(RemoteError, match=r"cannot be imported"):
                await result_of(memory.memory_import(str(tmp_path / "none")))

    asyncio.run(ask())


def test_who_goes_away_ends_an_import_of_which_nothing_is_kept(tmp_path: Path, home: Home) -> None:
    async def ask() -> None:
        many = tmp_path / "many.jsonl"
        record = {"kind": "fact", "scope": "all", "created_at": NOW.isoformat()}
        many.write_text(
            "".join(json.dumps({**record, "id": f"fa-{n}", "text": f"fact {n}"}) + "\n" for n in range(20_000))
        )
        async with daemon(home), open_memory(home) as memory:
            items = memory.memory_import(str(many))
            assert isinstance(items, AsyncGenerator)
            async with aclosing(items):
                assert "done" in await anext(items)

    asyncio.run(ask())  # the daemon ends when the work has
    with MemoryReader(home.database) as reader:
        assert reader.count() == 0
        assert reader.verify().ok


def test_a_daemon_from_before_says_that_it_is_to_be_started_anew(home: Home) -> None:
    async def ask() -> None:
        async with ApiServer(home.api_socket, {}), open_memory(home) as memory:
            with pytest.raises(VersionMismatch, match="restart `opsagent watch`"):
                await memory.memory_search("x")
            with pytest.raises(VersionMismatch):
                await result_of(memory.memory_reindex())

    asyncio.run(ask())
