"""From an old version of a document to the new one: which records come, and which end. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsagent_memory.documents.cutting import RECIPE, Chunk
from opsagent_memory.documents.library import CONTENTS, Held, Known
from opsagent_memory.documents.parsed import Parsed
from opsagent_memory.documents.words import TRUST_OF_DOCUMENTS
from opsagent_memory.records import Fact, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What all records of one version of a document share."""

    path: str
    title: str
    sha256: str
    scope: str
    trust: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What is to be written, all at once."""

    chunks: tuple[Fact, ...]
    """New ones; one that takes the place of an old one supersedes it."""
    contents: Fact
    ended: tuple[str, ...]
    """Ids of old chunks that nothing took the place of."""


def title_of(parsed: Parsed, path: str) -> str:
    """Return a document's title; where it has none, the name of its file."""
    return parsed.title.strip()[:200] or posixpath.basename(path)


def revise(
    version: Version, cut: Sequence[Chunk], parsed: Parsed, old: Iterable[Held], known: Known | None
) -> Revision:
    """Return what to write so that memory holds this version; `old` are the chunks that it holds now.

    A chunk that says the same as before stays as it is. A new one supersedes an old one that stood under the same
    headings and is gone; old ones that are left over end.
    """
    waiting = list(old)
    stay: dict[int, str] = {}
    by_text: dict[str, list[Held]] = {}
    for held in waiting:
        by_text.setdefault(held.text, []).append(held)
    for number, chunk in enumerate(cut):
        if by_text.get(chunk.text):
            stay[number] = by_text[chunk.text].pop(0).id
    left = [held for held in waiting if held.id not in set(stay.values())]
    facts: list[Fact] = []
    order: list[str] = []
    for number, chunk in enumerate(cut):
        if number in stay:
            order.append(stay[number])
            continue
        replaced = next((held for held in left if held.path == chunk.path), None)
        if replaced is not None:
            left.remove(replaced)
        facts.append(_fact(version, chunk, number, replaced.id if replaced else None))
        order.append(facts[-1].id)
    contents = _contents(version, parsed, order, known)
    return Revision(chunks=tuple(facts), contents=contents, ended=tuple(held.id for held in left))


def _fact(version: Version, chunk: Chunk, number: int, supersedes: str | None) -> Fact:
    fields: dict[str, Any] = {
        "document": version.path,
        "title": version.title,
        "heading_path": list(chunk.path),
        "part": number + 1,
        "version": version.sha256,
        "ingested": version.at.isoformat(timespec="seconds"),
    }
    if chunk.page is not None:
        fields["page"] = chunk.page
    return _record(version, chunk.text, fields, supersedes)


def _contents(version: Version, parsed: Parsed, order: Sequence[str], known: Known | None) -> Fact:
    fields: dict[str, Any] = {
        "document": version.path,
        "title": version.title,
        "role": CONTENTS,
        "version": version.sha256,
        "recipe": RECIPE,
        "chunks": list(order),
        "ingested": version.at.isoformat(timespec="seconds"),
    }
    if parsed.front_matter:
        fields["front_matter"] = dict(parsed.front_matter)
    text = f"contents of {version.path}: {version.title}, {len(order)} chunks"
    return _record(version, text, fields, known.contents if known else None)


def _record(version: Version, text: str, fields: dict[str, Any], supersedes: str | None) -> Fact:
    return Fact(
        scope=version.scope,
        text=text,
        fields=fields,
        source=Source.DOCUMENT,
        trust=min(version.trust, TRUST_OF_DOCUMENTS),
        created_at=version.at,
        supersedes=supersedes,
    )
