"""PDF to sections, by pypdf: a section for each entry of the outline, or for each page; every block knows its page."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from opsagent_memory.documents.parsed import Block, Parsed, SectionsBuilder
from opsagent_memory.documents.unreadable import Unreadable

_HYPHEN = re.compile(r"(?<=[a-z])-\n(?=[a-z])")
_OUTLINE_ENTRIES = 5_000
_OUTLINE_DEPTH = 6


def read(data: bytes, max_pages: int) -> Parsed:
    """Return the text of a PDF by page.

    Raises:
        Unreadable: it is broken, encrypted or too long, or has no text (a scan).
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it tells every flaw of every file
    try:
        return _read(data, max_pages)
    except Unreadable:
        raise
    except DependencyError:
        raise Unreadable("it is encrypted in a way that is not read") from None
    except PyPdfError as error:
        raise Unreadable(f"a broken PDF ({_line(error)})") from error


def _read(data: bytes, max_pages: int) -> Parsed:
    reader = PdfReader(io.BytesIO(data), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("it asks for a password")
    pages = len(reader.pages)
    if pages > max_pages:
        raise Unreadable(f"{pages} pages; {max_pages} are read at most")
    headings: dict[int, list[tuple[int, str]]] = {}
    for at, level, heading in _outline(reader):
        headings.setdefault(at, []).append((level, heading))
    builder = SectionsBuilder()
    said = False
    for number, page in enumerate(reader.pages, start=1):
        for level, heading in headings.get(number, ()):
            builder.heading(level, heading)
        for paragraph in _paragraphs(page.extract_text()):
            builder.block(Block(parts=(paragraph,), page=number))
            said = True
    if not said:
        raise Unreadable("no text in it; pictures are not read")
    return Parsed(title=_title(reader), sections=builder.sections())


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", _HYPHEN.sub("", text)):
        lines = [" ".join(line.split()) for line in paragraph.splitlines()]
        if joined := "\n".join(filter(None, lines)):
            yield joined


def _title(reader: PdfReader) -> str:
    try:
        return " ".join(str((reader.metadata and reader.metadata.title) or "").split())
    except (PyPdfError, ValueError, TypeError):
        return ""


def _outline(reader: PdfReader) -> Iterator[tuple[int, int, str]]:
    """Yield (page, level, heading) of the outline, in its order; a broken one has no entries."""
    try:
        stack: list[Iterator[Any]] = [iter(reader.outline)]
    except (PyPdfError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return
    entries = 0
    while stack and entries < _OUTLINE_ENTRIES:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif isinstance(entry, list):
            stack.append(iter(entry))
        else:
            entries += 1
            try:
                page = reader.get_destination_page_number(entry)
                heading = " ".join(str(entry.title).split())
            except (PyPdfError, ValueError, TypeError, KeyError, AttributeError):
                continue
            if page is not None and page >= 0 and heading and len(stack) <= _OUTLINE_DEPTH:
                yield page + 1, len(stack), heading


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:100] or type(error).__name__
