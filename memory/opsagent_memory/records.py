"""The vocabulary of memory: what is kept, and what comes back. Standard library only.

Three kinds of record, after the usual division of long-term memory: an `Episode` is what happened once (episodic),
a `Fact` is what holds (semantic), a `Procedure` is how something is done (procedural).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar


class Kind(StrEnum):
    """Which long-term memory a record belongs to."""

    EPISODE = "episode"
    FACT = "fact"
    PROCEDURE = "procedure"


class Outcome(StrEnum):
    """How an attempt of an episode ended."""

    WORKED = "worked"
    """Verified: better because of the remedy."""
    FAILED = "failed"
    """Verified: no better."""
    HARMED = "harmed"
    """Verified: worse than before."""
    UNPROVEN = "unproven"
    """Nobody could tell; counts neither for nor against."""
    SELF_RECOVERED = "self_recovered"
    """It was over before the remedy could have helped; earns nobody credit."""


class Source(StrEnum):
    """Who said so."""

    AGENT = "agent"
    PERSON = "person"
    IMPORT = "import"
    """Comes from another memory; may be read, never raises a remedy."""
    LOGS = "logs"
    """Reconstructed from old logs, that is from text; may be read, counts neither for nor against anything."""
    DOCUMENT = "document"
    """Cut from a document that a person let in; answers questions, orders nothing."""
    MODEL = "model"
    """Said by a language model; may be read, counts neither for nor against anything."""


def new_id(kind: Kind) -> str:
    """Return a fresh record id, short enough to type."""
    return f"{kind.value[:2]}-{secrets.token_hex(8)}"


def storable(text: str) -> str:
    """Return the text as every database can hold it: no lone surrogates (undecodable bytes of a log), no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What all records have. Use `Episode`, `Fact` or `Procedure`."""

    kind: ClassVar[Kind]

    id: str = ""
    """Unique; made up where none is given. Adding the same record twice keeps one."""
    scope: str
    """Whose memory this is; recall never crosses scopes unless it is asked to."""
    text: str
    """What is embedded and searched; the caller has masked secrets already."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """JSON. Known to ranking: `remedy`, `outcome` (see `Outcome`) and `class` (the kind of fault)."""
    source: Source = Source.AGENT
    trust: float = 1.0
    """0..1; how far the source is believed."""
    created_at: datetime
    """When it happened or was said; aware."""
    valid_from: datetime | None = None
    """Not recalled before; None: always."""
    valid_to: datetime | None = None
    """Not recalled from then on; None: for ever."""
    supersedes: str | None = None
    """Id of the record that this one replaces in recall (both stay readable)."""
    ended_at: datetime | None = field(default=None, compare=False)
    """Memory's own note, as are all below (a record that is added brings none): not valid from then on."""
    archived_at: datetime | None = field(default=None, compare=False)
    """Since then it is shown and exported, but not recalled."""
    imported_at: datetime | None = field(default=None, compare=False)
    """When it came from another memory; such a record is read and teaches nothing."""
    family: str | None = field(default=None, compare=False)
    """Which family of incidents took it."""
    surprise: float | None = field(default=None, compare=False)
    """Outcome less what was expected of the remedy, -1..1."""

    def __post_init__(self) -> None:
        for name in ("created_at", "valid_from", "valid_to"):
            time = getattr(self, name)
            if time is not None and time.tzinfo is None:
                raise ValueError(f"a record's {name} must be aware")
        if not self.scope:
            raise ValueError("a record needs a scope")
        if not 0.0 <= self.trust <= 1.0:
            raise ValueError(f"a record's trust lies in 0..1, not {self.trust}")
        if "outcome" in self.fields:
            Outcome(self.fields["outcome"])
        object.__setattr__(self, "trust", self.trust + 0.0)  # databases keep no -0.0, and the log tells every bit
        object.__setattr__(self, "id", self.id or new_id(self.kind))
        object.__setattr__(self, "text", storable(self.text))
        object.__setattr__(self, "source", Source(self.source))
        fields = json.dumps(dict(self.fields), ensure_ascii=False, allow_nan=False)
        object.__setattr__(self, "fields", MappingProxyType(json.loads(storable(fields))))

    @property
    def remedy(self) -> str | None:
        """Durable name of what was tried, if anything was."""
        remedy = self.fields.get("remedy")
        return str(remedy) if remedy else None

    @property
    def outcome(self) -> Outcome | None:
        """How it ended, where that was said."""
        outcome = self.fields.get("outcome")
        return Outcome(outcome) if outcome else None

    @property
    def fault_class(self) -> str | None:
        """The kind of fault, where that was said."""
        fault_class = self.fields.get("class")
        return str(fault_class) if fault_class else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode(Record):
    """What happened once: an incident, what was tried, and how it ended."""

    kind: ClassVar[Kind] = Kind.EPISODE


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Record):
    """What holds until it is superseded or its validity ends."""

    kind: ClassVar[Kind] = Kind.FACT


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure(Record):
    """How something is done."""

    kind: ClassVar[Kind] = Kind.PROCEDURE


RECORD_TYPES: Mapping[Kind, type[Record]] = MappingProxyType(
    {Kind.EPISODE: Episode, Kind.FACT: Fact, Kind.PROCEDURE: Procedure}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """A record that came to mind, and why."""

    record: Record
    similarity: float
    """Cosine of the embeddings, -1..1; of several sentences the nearest counts more (see `sentences`)."""
    score: float
    """What it is ranked by: similarity, and what rare words it shares, weighted by outcome, recency and trust."""
    why: str
    """One line for a person."""
    without_learning: float = 0.0
    """What the score would be by similarity alone."""
    rank_without_learning: int = 0
    """Which place it would have by similarity alone, 1 being the first."""
    keywords: tuple[str, ...] = ()
    """Identifiers and rare words of the question that it holds, what says most first."""
    tries: int = 0
    """How often this remedy was tried in episodes that say nearly the same."""
    successes: int = 0
    last_worked: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemedyRecord:
    """What memory knows of one remedy, from episodes like the one asked about."""

    remedy: str
    tries: int
    """Attempts whose outcome was proven."""
    successes: int
    score: float
    """0..1: expected success here. `ranking.NEUTRAL` is what a remedy that was never tried would get."""
    similarity: float
    """Of the nearest episode that tried it."""
    last_worked: datetime | None
    why: str
    """One line for a person."""
    without_learning: float = 0.5
    """What the score would be if outcomes were only counted: no decay, no families, no weighing of experts."""
    by_expert: Mapping[str, float] = field(default_factory=dict)
    """What each expert expects, by its name."""
    stale: bool = False
    """It used to work for incidents like this one, and no longer does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The size of a memory, counted in SQL."""

    records: int
    """Live ones; forgotten ones are not among them."""
    by_kind: Mapping[str, int]
    by_scope: Mapping[str, int]
    by_outcome: Mapping[str, int]
    forgotten: int
    vectors: int
    """Stored vectors: one for each distinct text and model."""
    oldest: datetime | None
    newest: datetime | None
    archived: int = 0
    """Live ones that are no longer recalled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One event of a record's history, as the log has it."""

    event: str
    """`add, end, archive, learn, forget` (`opsagent_memory.chain.Event`)."""
    at: datetime
    payload: Mapping[str, Any]
    """What it tells; empty for `add` (the record itself) and once the record is forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What comparing the records with the log found."""

    records: int
    """Live ones."""
    events: int
    """Rows of the log."""
    head: str
    """The newest event, `seq:hash`. Noted elsewhere, it proves later that nothing up to it was rewritten."""
    problems: tuple[str, ...]
    """One sentence each."""

    @property
    def ok(self) -> bool:
        """Whether records and log agree."""
        return not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import brought."""

    added: int
    known: int
    """Were here already, word for word."""
    forgotten: int
    """Were forgotten here, and stay forgotten."""
