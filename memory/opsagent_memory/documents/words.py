"""The vocabulary of documents: what may be taken, and what came of it. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TRUST_OF_DOCUMENTS = 0.6
"""No document is believed more than this: it may be old, and anybody may have written it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestLimits:
    """What a document may cost. Beyond, it is skipped and the reason is told."""

    max_files: int = 5_000
    """Documents in one call; more are refused as a whole, before anything is changed."""
    max_file_bytes: int = 4_000_000
    """Of a Markdown, text or HTML file."""
    max_pdf_bytes: int = 64_000_000
    max_pages: int = 2_000
    """Of a PDF."""
    max_chunks: int = 5_000
    """Chunks of one document."""
    seconds_per_file: float = 30.0
    """Of computing, to read one file; whoever wrote it may have meant it to take for ever."""
    reader_bytes: int = 1 << 30
    """Memory that the process which reads files may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A file or folder that was not taken. What memory knew of it before stays."""

    path: str
    reason: str
    """One line for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What one call did. Paths are absolute, and sorted."""

    added: tuple[str, ...] = ()
    """Documents that memory did not know."""
    changed: tuple[str, ...] = ()
    """Documents that say something else than last time."""
    removed: tuple[str, ...] = ()
    """Documents that are gone, forgotten for good, with all that memory ever kept of them."""
    unchanged: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    vanished: tuple[str, ...] = ()
    """Documents that are gone, but so many at once that a missing mount is likelier: kept. Ask a person, then call
    again with `forget_vanished=True`."""
    chunks_added: int = 0
    """New chunks, in all."""
    chunks_ended: int = 0
    """Chunks of changed documents that no longer hold; they stay readable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestProgress:
    """How far it is."""

    done: int
    total: int
    path: str
    """The document that is read next, or was read last when `done` is `total`."""


TellProgress = Callable[[IngestProgress], None]
Redact = Callable[[str], str]
"""Masks secrets; given by the caller, since memory knows no tools."""


def origin(fields: Mapping[str, Any]) -> str:
    """Return where a chunk stands, for a person: document, headings, page and version."""
    headings = [str(name) for name in fields.get("heading_path", ())]
    page = fields.get("page")
    said = [" › ".join([str(fields.get("document", "a document")), *headings])]
    said += [f"page {page}"] if page is not None else []
    return ", ".join([*said, f"version {str(fields.get('version', ''))[:8]}"])
