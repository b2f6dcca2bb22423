"""Taking documents in, again and again: what is new is added, what changed is revised, what went is forgotten."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Protocol

from opsagent_memory.documents.cutting import cut
from opsagent_memory.documents.library import Known, Library
from opsagent_memory.documents.parsed import Block, Parsed, Section
from opsagent_memory.documents.reading import Raw, Reader, fetch, format_of
from opsagent_memory.documents.revising import Revision, Version, revise, title_of
from opsagent_memory.documents.unreadable import Unreadable
from opsagent_memory.documents.vanishing import held_back
from opsagent_memory.documents.walking import Listing, gone, under, walk
from opsagent_memory.documents.words import (
    TRUST_OF_DOCUMENTS,
    Ingested,
    IngestLimits,
    IngestProgress,
    Redact,
    Skipped,
    TellProgress,
)
from opsagent_memory.records import Record

_WHY = "the document changed"


class Keeper(Protocol):
    """What ingesting needs of a memory."""

    def revise(
        self, added: Sequence[Record], *, ended: Sequence[str] = (), archived: Sequence[Record] = (), why: str
    ) -> None:
        """Keep these records, and let those end, in one transaction."""

    def forget_many(self, record_ids: Sequence[str]) -> int:
        """Erase records for good."""


class Ingestion:
    """One call of `Memory.ingest`. A document is taken in whole or not at all, whenever it is interrupted."""

    def __init__(
        self,
        keeper: Keeper,
        library: Library,
        *,
        scope: str,
        clock: Callable[[], datetime],
        redact: Redact | None = None,
        progress: TellProgress | None = None,
        trust: float = TRUST_OF_DOCUMENTS,
        limits: IngestLimits | None = None,
        forget_vanished: bool = False,
    ) -> None:
        self._keeper = keeper
        self._library = library
        self._scope = scope
        self._clock = clock
        self._redact: Redact = redact or (lambda text: text)
        self._progress: TellProgress = progress or (lambda _: None)
        self._trust = trust
        self._limits = limits or IngestLimits()
        self._forget_vanished = forget_vanished
        self._done = Ingested()

    def run(self, paths: Sequence[Path | str]) -> Ingested:
        """Take in what lies under these paths.

        Raises:
            DocumentsRefused: there are too many; nothing was changed.
        """
        listing = walk(paths, self._limits)
        known = self._library.known()
        self._done = Ingested(skipped=tuple(listing.skipped))
        with Reader(self._limits, self._redact) as reader:
            for number, path in enumerate(sorted(listing.found)):
                self._progress(IngestProgress(done=number, total=len(listing.found), path=path))
                try:
                    self._take(path, known.get(path), reader)
                except Unreadable as error:
                    self._skip(path, str(error))
        self._settle_vanished(listing, known)
        last = max(listing.found, default="")
        self._progress(IngestProgress(done=len(listing.found), total=len(listing.found), path=last))
        return replace(self._done, skipped=tuple(sorted(self._done.skipped, key=lambda one: one.path)))

    def _take(self, path: str, known: Known | None, reader: Reader) -> None:
        raw = fetch(path, self._limits)
        if known is not None and known.is_of(raw.version):
            self._done = replace(self._done, unchanged=(*self._done.unchanged, path))
            return
        revision = self._revision(path, raw, known, reader)
        self._keeper.revise(revision.chunks, ended=revision.ended, archived=(revision.contents,), why=_WHY)
        done, ended = self._done, sum(one.supersedes is not None for one in revision.chunks) + len(revision.ended)
        self._done = replace(
            done,
            added=(*done.added, path) if known is None else done.added,
            changed=(*done.changed, path) if known is not None else done.changed,
            chunks_added=done.chunks_added + len(revision.chunks),
            chunks_ended=done.chunks_ended + ended,
        )

    def _revision(self, path: str, raw: Raw, known: Known | None, reader: Reader) -> Revision:
        # Of one that is known, emptied by its author, nothing holds any more; a PDF without a byte is a broken one.
        emptied = known is not None and not raw.data.strip() and format_of(path) != "pdf"
        parsed = Parsed() if emptied else _masked(reader.read(path, raw.data), self._redact)
        title = title_of(parsed, path)
        chunks = list(islice(cut(parsed, title), self._limits.max_chunks + 1))
        if not chunks and known is None:
            raise Unreadable("no text in it")
        if len(chunks) > self._limits.max_chunks:
            raise Unreadable(f"more than {self._limits.max_chunks:,} chunks")
        version = Version(
            path=path, title=title, sha256=raw.version, scope=self._scope, trust=self._trust, at=self._clock()
        )
        return revise(version, chunks, parsed, self._library.held(path) if known else (), known)

    def _skip(self, path: str, reason: str) -> None:
        self._done = replace(self._done, skipped=(*self._done.skipped, Skipped(path=path, reason=reason)))

    def _settle_vanished(self, listing: Listing, known: Mapping[str, Known]) -> None:
        """Forget the documents that are gone, unless it looks as if they were only out of sight."""
        asked = {path for path in known if any(under(path, root) for root in listing.roots)}
        vanished = {path for path in asked - listing.found.keys() if gone(path)}
        held = set() if self._forget_vanished else held_back(asked, vanished, listing.roots)
        for root in listing.roots:
            # A file that was named itself: if its folder is there with something in it, the file was deleted.
            if root in vanished and not self._forget_vanished and _is_empty(posixpath.dirname(root)):
                held.add(root)
            elif root not in asked and gone(root) and not any(under(path, root) for path in asked):
                self._skip(root, "there is nothing of this name")
        removed = sorted(vanished - held)
        if removed:
            self._keeper.forget_many(self._library.all_of(removed))
        self._done = replace(self._done, removed=tuple(removed), vanished=tuple(sorted(held)))


def _is_empty(folder: str) -> bool:
    try:
        return next(Path(folder).iterdir(), None) is None
    except OSError:
        return True


def _masked(parsed: Parsed, redact: Redact) -> Parsed:
    """Mask again what was put together from pieces of a file: no part of it goes on unmasked."""

    def block(one: Block) -> Block:
        return replace(one, parts=_lines(one.parts, redact), head=redact(one.head))

    sections = tuple(
        Section(path=tuple(map(redact, section.path)), blocks=tuple(map(block, section.blocks)))
        for section in parsed.sections
    )
    front = {
        redact(key): [redact(one) for one in value]
        if isinstance(value, list)
        else redact(value)
        if isinstance(value, str)
        else value
        for key, value in parsed.front_matter.items()
    }
    return Parsed(title=redact(parsed.title), sections=sections, front_matter=front)


def _lines(parts: tuple[str, ...], redact: Redact) -> tuple[str, ...]:
    """Mask parts together: a key may go over several lines."""
    joined = "\n".join(parts)
    masked = redact(joined)
    return parts if masked == joined else tuple(masked.split("\n"))
