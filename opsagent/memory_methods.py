"""What people may ask of the memory: the methods that the daemon serves, and a command without one calls itself.

Short work waits its turn at the memory's desk. Long work (reading documents, an import) has a thread of its own, so that
the agent may recall meanwhile, and tells how far it is; who goes away ends it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from opsagent.memory_forms import consolidated_form, ingested_form, recollection_form, scopes_of
from opsagent.procedures import accept, form
from opsagent.taught.teaching import teach
from opsagent_tools.redact import redact

if TYPE_CHECKING:
    from opsagent.recall import MemoryDesk
    from opsagent_memory import Memory

Told = Callable[[int, int, str], None]
"""Says how much is done, of how much (0: nobody knows), and at what the work is."""


_AT_ONCE_S = 3.0
_SIGN_OF_LIFE_S = 1.0
"""After so long without news the last is said again: it still goes on, and who has gone is noticed."""


class GivenUp(Exception):
    """Whoever asked for long work has gone."""


class MemoryMethods:
    """The memory, for people. Whatever goes wrong with it is an opsagent_memory.MemoryFailure."""

    def __init__(self, desk: MemoryDesk, *, known: Callable[[], Iterable[str]] = tuple) -> None:
        """`known`: names of the units that there are, where that is known."""
        self._desk = desk
        self._known = known

    @property
    def handlers(self) -> dict[str, Callable[..., Any]]:
        """Return the methods of the local API, by name."""
        methods = (
            self.memory_search,
            self.memory_add,
            self.memory_forget,
            self.memory_accept,
            self.procedure_keep,
            self.memory_reindex,
            self.memory_ingest,
            self.memory_import,
            self.memory_families,
            self.memory_consolidate,
        )
        return {method.__name__: method for method in methods}

    async def memory_search(
        self, query: str, *, unit: str | None = None, kind: str | None = None, limit: int = 5
    ) -> Sequence[Mapping[str, Any]]:
        """Return what comes to mind, best first (`opsagent.memory_forms.recollection_form`)."""
        asked = redact(query)
        return await self._desk.use(lambda memory: _search(memory, asked, unit, kind, limit))

    async def memory_add(
        self,
        text: str,
        scope: str,
        *,
        valid_from: datetime | None = None,
        valid_to: datetime | None = None,
        supersedes: str | None = None,
    ) -> Mapping[str, Any]:
        """Keep what a person said, secrets masked; return its id, the text as it was kept, and how it was read."""
        known = tuple(self._known())
        return await self._desk.use(
            lambda memory: teach(
                memory, text, scope, known=known, valid_from=valid_from, valid_to=valid_to, supersedes=supersedes
            )
        )

    async def memory_forget(self, ids: list[str]) -> Mapping[str, Any]:
        """Erase records for good. Returns which were erased now, and which had been before."""
        return await self._desk.use(lambda memory: _forget(memory, ids))

    async def memory_accept(self, record: str, by: str) -> Mapping[str, Any]:
        """Keep a person's word that a proposed procedure is the way to do it; return it as it stands then."""
        return await self._desk.use(lambda memory: form(accept(memory, record, by=by)))

    async def procedure_keep(self, form: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep a version of a procedure on screens, as a person recorded, imported or accepted it; return its id."""
        from opsagent.screens.book import keep

        return await self._desk.use(lambda memory: keep(memory, form))

    async def memory_families(self, scopes: list[str]) -> Sequence[Mapping[str, Any]]:
        """Return the families of like incidents of these scopes (`opsagent.memory_picture.families`)."""
        from opsagent.memory_picture import families

        return await self._desk.use(lambda memory: families(memory, scopes))

    def memory_consolidate(self, *, dry_run: bool = False) -> AsyncIterator[Mapping[str, Any]]:
        """Put the memory in order, or tell what would be done (a stream)."""
        return self._long(lambda memory, tell: _consolidated(memory, tell, dry_run=dry_run))

    def memory_reindex(self) -> AsyncIterator[Mapping[str, Any]]:
        """Build the index anew from the truth (a stream, for it takes long)."""
        return self._long(lambda memory, tell: {"texts": memory.reindex(lambda done, of: tell(done, of, ""))})

    def memory_ingest(
        self, paths: list[str], scope: str, *, forget_vanished: bool = False
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Take in the documents under these absolute paths, secrets masked (a stream)."""

        def ingest(memory: Memory, tell: Told) -> Mapping[str, Any]:
            found = memory.ingest(
                paths,
                scope=scope,
                redact=redact,
                progress=lambda at: tell(at.done, at.total, at.path),
                forget_vanished=forget_vanished,
            )
            return ingested_form(found)

        return self._long(ingest)

    def memory_import(self, path: str) -> AsyncIterator[Mapping[str, Any]]:
        """Take in what a memory exported into this file, all of it or nothing, secrets masked (a stream)."""

        def take(memory: Memory, tell: Told) -> Mapping[str, Any]:
            found = memory.import_(path, mask=redact, progress=lambda done: tell(done, 0, ""))
            return {"added": found.added, "known": found.known, "forgotten": found.forgotten}

        return self._long(take)

    async def _long(self, work: Callable[[Memory, Told], Mapping[str, Any]]) -> AsyncIterator[Mapping[str, Any]]:
        """Yield `{"done", "of", "at"}` as the work goes on, and at the end one `{"result"}`."""
        loop, told = asyncio.get_running_loop(), asyncio.Queue[Mapping[str, Any] | None]()
        gone = threading.Event()

        def tell(done: int, of: int, at: str = "") -> None:
            if gone.is_set():
                raise GivenUp
            loop.call_soon_threadsafe(told.put_nowait, {"done": done, "of": of, "at": at})

        memory = await self._desk.use(lambda memory: memory)
        running = asyncio.create_task(asyncio.to_thread(work, memory, tell))
        running.add_done_callback(lambda _: told.put_nowait(None))
        try:
            at_last: Mapping[str, Any] = {"done": 0, "of": 0, "at": ""}
            while True:
                try:
                    # not wait_for: in Python 3.11 it takes an item and forgets that it was cancelled in the same moment
                    async with asyncio.timeout(_SIGN_OF_LIFE_S):
                        item = await told.get()
                except TimeoutError:
                    yield at_last
                    continue
                if item is None:
                    break
                yield (at_last := item)
            yield {"result": await running}
        finally:
            gone.set()
            with suppress(Exception):  # what went wrong has been raised, or nobody is there to hear it
                await running


def _search(memory: Memory, query: str, unit: str | None, kind: str | None, limit: int) -> list[dict[str, Any]]:
    from opsagent_memory import Kind

    known = memory.stats().by_scope
    scopes = tuple(known) if unit is None else scopes_of(unit, known)
    found = memory.recall(query, scope=scopes, kind=Kind(kind) if kind else None, limit=limit)
    return [recollection_form(one) for one in found]


def _forget(memory: Memory, ids: Sequence[str]) -> dict[str, Any]:
    wanted = list(dict.fromkeys(ids))
    live = [identity for identity in wanted if _is_live(memory, identity)]
    memory.forget_many(wanted)
    return {"forgotten": live, "known": [identity for identity in wanted if identity not in live]}


def _is_live(memory: Memory, identity: str) -> bool:
    from opsagent_memory import RecordNotFound

    try:
        memory.show(identity)
    except RecordNotFound:
        return False
    return True


def _consolidated(memory: Memory, tell: Told, *, dry_run: bool) -> dict[str, Any]:
    """Put all in order, a few seconds at a time: in between, who went away ends it."""
    parts: list[dict[str, Any]] = []
    while not parts or (not parts[-1]["complete"] and not dry_run):
        tell(sum(len(part["told"]) for part in parts), 0, "")
        parts.append(
            consolidated_form(memory.consolidate(budget_s=_AT_ONCE_S * (20 if dry_run else 1), dry_run=dry_run))
        )
    last = parts[-1]
    return {name: _all(name, value, parts) for name, value in last.items()}


def _all(name: str, value: Any, parts: Sequence[Mapping[str, Any]]) -> Any:
    if name in {"complete", "dry_run"}:
        return value
    return sum((part[name] for part in parts), [] if isinstance(value, list) else 0)
