"""Quotes documents that a person let in beside the note of an incident: as text with its source, and never more than that.

It is read after a person was called, beside everything else: no decision and no repair ever waits for it, and none is
made of it. The timeline says which passage it is; the words stay in the memory alone, so that what is forgotten there is
gone. Whoever looks at the incident is shown them, masked, bounded and marked as a quotation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsagent.casefile import CaseFile
from opsagent.home import Home
from opsagent.memory_forms import EVERYWHERE
from opsagent.recall import MemoryDesk, scope_of
from opsagent.timeline import Timeline
from opsagent_tools.redact import redact
from opsagent_tools.text import escape_for_terminal

if TYPE_CHECKING:
    from opsagent_memory import Memory, MemoryFailure, MemoryReader, Record

_LOG = logging.getLogger(__name__)
KIND = "written"
"""Of the events that quote a document."""
FLOOR, _WINDOW = 0.55, 0.15
"""Less alike than this, or by so much less than the best, a passage is about something else."""
_MOST, _LOOKED_AT = 2, 12
_LONGEST, _LONGEST_NAME = 400, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A passage of a document."""

    record: str
    document: str
    headings: tuple[str, ...]
    text: str
    similarity: float

    def place(self) -> str:
        """Return one line that says which document says something, and how to see it."""
        return f"{self.document} says something of it: opsagent memory show {self.record}"

    def line(self) -> str:
        """Return it as one line that says where it stands."""
        place = " > ".join((self.document, *self.headings))
        return f"from {place}: “{self.text}”"


class Quotes:
    """Looks for what documents say about an incident, beside its repair."""

    def __init__(self, desk: MemoryDesk, home: Home, timeline: Timeline) -> None:
        self._desk = desk
        self._home = home
        self._timeline = timeline
        self._looking: set[asyncio.Task[None]] = set()

    def look_soon(self, file: CaseFile) -> None:
        """Quote into the incident's timeline what documents say of it, some time from now."""
        if not self._desk.settings.quote:
            return
        task = asyncio.create_task(self._look(file), name=f"quotes for {file.incident.id}")
        self._looking.add(task)  # the event loop itself would let go of it
        task.add_done_callback(self._looking.discard)

    async def close(self) -> None:
        """Look no further."""
        for task in list(self._looking):
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)

    async def _look(self, file: CaseFile) -> None:
        from opsagent_memory import MemoryFailure

        try:
            found = await self._found(file)
        except MemoryFailure as error:
            _no_quotes(error)
            return
        for quote in found:
            if quote.record not in file.quoted:
                file.quoted.add(quote.record)
                at = round(quote.similarity, 4)
                await self._timeline.tell(
                    KIND, quote.place(), incident=file.incident, record=quote.record, similarity=at
                )

    async def _found(self, file: CaseFile) -> Sequence[Quote]:
        scopes = (scope_of(file.incident.unit), EVERYWHERE)
        if not await asyncio.to_thread(self._has_documents, scopes):
            return ()
        asked = question(file)
        return await self._desk.use(lambda memory: look(memory, asked, scopes))

    def _has_documents(self, scopes: Sequence[str]) -> bool:
        """Tell from SQL alone: index and model are not loaded for nothing."""
        from opsagent_memory import MemoryReader

        if not self._home.database.exists():
            return False
        with MemoryReader(self._home.database) as reader:
            return reader.has_documents(scopes)


def question(file: CaseFile) -> str:
    """Return what is looked for: the incident in words, and its likeliest cause."""
    likely = max(file.hypotheses, key=lambda one: one.weight, default=None)
    cause = f"; {likely.cause}" if likely is not None else ""
    return redact(f"{file.incident.summary or file.incident.fault.value.replace('_', ' ')}{cause}")


def look(memory: Memory, asked: str, scopes: Sequence[str]) -> Sequence[Quote]:
    """Return the passages of documents that are about this, the nearest first."""
    from opsagent_memory import Kind, Source

    found = memory.recall(asked, scope=scopes, kind=Kind.FACT, limit=_LOOKED_AT)
    cut = [one for one in found if one.record.source is Source.DOCUMENT]
    floor = max([FLOOR, *(one.similarity - _WINDOW for one in cut)])
    written = sorted((one for one in cut if one.similarity >= floor), key=lambda one: -one.similarity)
    return [quote_of(one.record, one.similarity) for one in written[:_MOST]]


def quoted(reader: MemoryReader, timeline: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what documents say of an incident, from its timeline in the form of `incidents show --json`."""
    from opsagent_memory import RecordNotFound

    lines = []
    for event in timeline:
        if event["kind"] == KIND and "record" in event["data"]:
            try:
                lines.append(quote_of(reader.show(str(event["data"]["record"]))).line())
            except RecordNotFound:
                lines.append("what a document said of it was forgotten")
    return lines


def quote_of(record: Record, similarity: float = 0.0) -> Quote:
    """Return a passage as it may be shown: masked, without control characters, bounded."""
    fields = record.fields
    headings = fields.get("heading_path")
    body = record.text.partition("\n\n")[2] or record.text
    return Quote(
        record=record.id,
        document=_plain(str(fields.get("document", "a document")).rpartition("/")[2], _LONGEST_NAME),
        headings=tuple(_plain(str(one), _LONGEST_NAME) for one in headings[:4]) if isinstance(headings, list) else (),
        text=_plain(body, _LONGEST),
        similarity=similarity,
    )


def _plain(text: str, longest: int) -> str:
    """Return text of somebody else's as one masked, visible line; what would end the quotation does not."""
    line = escape_for_terminal(" ".join(redact(text).split())).replace("“", '"').replace("”", '"')
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _no_quotes(error: MemoryFailure) -> None:
    _LOG.warning("no documents are quoted: %s", error)
