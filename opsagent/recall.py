"""Translates between incidents and memory, on the way out. (`opsagent/learn.py` does it on the way in; nobody else.)

The memory, its index and its embedding model are opened when they are first needed, in a thread of their own: a
service that has never had an incident costs nothing, and its first one does not wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from opsagent.detectors.describe import symptom_text
from opsagent.home import Home
from opsagent.memory_settings import MemorySettings
from opsagent.model import Fault, Incident, RemedyOdds
from opsagent.procedures import accepted_in, ceased_in, with_accepted
from opsagent_tools.redact import redact
from opsagent_tools.units import UnitId

if TYPE_CHECKING:
    from opsagent_memory import Embedder, Memory, MemoryReader, RemedyRecord

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")
_PATIENCE_S = 15.0
"""A decision waits no longer for what is remembered: the memory may be at long work, or its model may not answer."""


def scope_of(unit: UnitId) -> str:
    """Return the memory's scope for a unit. It names no host: what helped here helps on the next machine."""
    return f"unit/{unit.supervisor}/{unit.name}"


class MemoryDesk:
    """The one thread that owns the memory of this agent; opens it when it is first asked."""

    def __init__(self, home: Home, settings: MemorySettings | None = None, *, embedder: Embedder | None = None) -> None:
        """`settings`: as configured where it is not said; `embedder`: as the settings say where it is not."""
        self._home = home
        self._embedder = embedder
        self._settings = settings
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="memory")
        self._memory: Memory | None = None
        self._warming: asyncio.Task[None] | None = None

    @property
    def settings(self) -> MemorySettings:
        """`[memory]` of the configuration."""
        if self._settings is None:
            from opsagent.config import Config

            self._settings = Config.load(self._home).memory
        return self._settings

    @property
    def is_open(self) -> bool:
        """Whether the memory has been needed yet."""
        return self._memory is not None

    @property
    def is_warm(self) -> bool:
        """Whether a question would be answered at once."""
        return self._warming is not None and self._warming.done()

    async def use(self, what: Callable[[Memory], _T]) -> _T:
        """Run `what` on the memory, opened if need be. Raises opsagent_memory.MemoryFailure."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: what(self._opened()))

    def _opened(self) -> Memory:
        if self._memory is None:
            from opsagent_memory import Memory
            from opsagent_memory.choosing import embedder_for

            settings, kept = self.settings, self._home.senses_dir
            embedder = self._embedder or embedder_for(settings.embeddings, kept, redact=redact)
            self._memory = Memory.open(
                self._home.database, self._home.chroma_dir, embedder=embedder, options=settings.options()
            )
        return self._memory

    def warm_soon(self) -> None:
        """Load the index and the model beside, so that the next question does not wait for them."""
        if self._warming is None:
            self._warming = asyncio.create_task(self._warm())

    async def _warm(self) -> None:
        from opsagent_memory import MemoryFailure

        try:
            await self.use(lambda memory: memory.warm())
        except MemoryFailure as error:
            _LOG.warning("the memory cannot be used: %s", error)

    async def close(self) -> None:
        """Close the memory if it was ever opened; what waits for many texts to be embedded is not waited for."""
        if self._memory is not None:
            self._memory.give_up()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._memory is not None:
            self._memory.close()
            self._memory = None


class Recall:
    """Asks the memory what helped before."""

    def __init__(self, desk: MemoryDesk, home: Home) -> None:
        self._desk = desk
        self._home = home
        self._reader: MemoryReader | None = None

    def close(self) -> None:
        """Let go of the database."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    async def get_ready(self, units: Iterable[UnitId]) -> None:
        """Load index and model where something was tried for one of these before: its next decision does not wait."""
        from opsagent_memory import MemoryFailure

        scopes = [scope_of(unit) for unit in units]
        try:
            tried = await asyncio.to_thread(lambda: any(self._known(scope, Fault.CRASH)[0] for scope in scopes))
        except MemoryFailure as error:
            _LOG.warning("the memory cannot be read: %s", error)
            return
        if tried:
            self._desk.warm_soon()

    async def odds(self, incident: Incident) -> tuple[RemedyOdds, ...]:
        """Return what was tried for incidents like this one, best first. A broken memory is an empty one, told."""
        from opsagent_memory import MemoryFailure

        scope, accepted, ceased = scope_of(incident.unit), tuple[str, ...](), frozenset[str]()
        try:
            tried, accepted, ceased = await asyncio.to_thread(self._known, scope, incident.fault)
            if not tried and not self._desk.is_warm:
                return with_accepted((), accepted, ceased)
            text = symptom_text(incident)
            asked = asyncio.create_task(
                self._desk.use(lambda memory: memory.remedies(text, scope=scope, fault_class=incident.fault.value))
            )
            self._desk.warm_soon()  # after the question: it is answered before all of the index is there
            async with asyncio.timeout(_PATIENCE_S):
                found = await asked
        except MemoryFailure as error:
            _LOG.warning("deciding without memory: %s", error)
            return ()
        except TimeoutError:
            _LOG.warning("deciding without memory: it did not answer in %g s", _PATIENCE_S)
            return with_accepted((), accepted, ceased)
        return with_accepted((_odds(record) for record in found), accepted, ceased)

    def _known(self, scope: str, fault: Fault) -> tuple[bool, tuple[str, ...], frozenset[str]]:
        """Tell from SQL alone whether anything was tried in this scope, what people accepted there, and what of that no
        longer helps: the model is not loaded for nothing.
        """
        from opsagent_memory import Kind, MemoryReader, Source

        if not self._home.database.exists():
            return False, (), frozenset()
        reader = self._reader = self._reader or MemoryReader(self._home.database)
        said = reader.by_people(Kind.PROCEDURE, scope=scope)
        accepted, ceased = accepted_in(said, scope, fault, datetime.now(UTC)), frozenset[str]()
        if accepted:
            ceased = ceased_in(
                said, reader.containing(scope=scope, kind=Kind.PROCEDURE, source=Source.AGENT, limit=200)
            )
        return reader.has_tried(scope), accepted, ceased


def _odds(record: RemedyRecord) -> RemedyOdds:
    return RemedyOdds(
        remedy=record.remedy,
        similarity=max(0.0, min(1.0, record.similarity)),
        tries=record.tries,
        successes=record.successes,
        score=record.score,
        last_worked=record.last_worked,
        why=record.why,
        stale=record.stale,
        without_learning=record.without_learning,
        by_expert=dict(record.by_expert),
    )
