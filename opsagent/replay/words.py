"""The values of a replay: what the past is read as, what was read of it, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from opsagent.model import EvidenceKind, Fault
from opsagent_tools.supervisors.past import PastEvent
from opsagent_tools.units import UnitId

Times = Literal["own", "partly", "unsure", "none"]
"""`own`: its lines say when; `partly`: some do, the others have the time of the line before; `unsure`: none does, they are
spread over the time in which the file was written; `none`: it has no lines."""


@dataclass(slots=True)
class Seen:
    """One signature within one beat."""

    key: str
    template: str
    level: str
    line: str
    """The first message of it, not redacted."""
    count: int = 1
    trace: bool = False


@dataclass(slots=True)
class Beat:
    """What one source logged within one second."""

    unit: UnitId
    at: float
    """Seconds since the epoch, whole."""
    lines: int = 0
    errors: dict[str, Seen] = field(default_factory=dict)
    fresh: list[Seen] = field(default_factory=list)
    """Signatures that the unit had not logged before."""
    sure: bool = True
    """False: the time is a guess; nothing is concluded from it."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What a supervisor's log says, with the unit that it means (None: the supervisor's daemon)."""

    event: PastEvent
    kind: str
    """The supervisor's kind."""
    unit: UnitId | None

    @property
    def at(self) -> float:
        return self.event.at


@dataclass(slots=True, kw_only=True)
class SourceRead:
    """What was read of one source."""

    name: str
    """A log's path, `journal:system/api.service`, or a supervisor's own log."""
    what: Literal["log", "journal", "supervisor"]
    unit: UnitId | None
    files: int = 0
    lines: int = 0
    bytes: int = 0
    errors: int = 0
    first: float | None = None
    last: float | None = None
    offset: str = ""
    """Which offset times without one were read with; empty: they all have theirs, or there are none."""
    offset_from: str = ""
    """`file`: inferred from when it was written; `machine`: this machine's zone; `line`: each line says its own."""
    times: Times = "none"
    packed_bytes: int = 0
    """Bytes on the disk: what progress is counted in."""


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be read, and why."""

    name: str
    why: str


@dataclass(slots=True, kw_only=True)
class Found:
    """One incident that would have been opened."""

    id: str
    """Durable: of unit, kind of fault and beginning."""
    fault: Fault
    unit: UnitId
    began_at: float
    ended_at: float | None
    """None: it was still so at the end of what was read."""
    ended: str
    """How it ended, in words."""
    summary: str
    memory_text: str
    """What the memory would know it by (`opsagent.detectors.describe.symptom_text`)."""
    how: str = ""
    """How its process ended (`exit code 1`); tells what is the same where nothing was logged."""
    affected: tuple[UnitId, ...] = ()
    evidence: tuple[EvidenceKind, ...] = ()
    deaths: int = 0
    errors: int = 0
    signatures: tuple[Seen, ...] = ()
    """The error signatures of its time, the likely cause first. `line` is redacted."""
    sure: bool = True
    """False: when it was is partly a guess."""

    @property
    def cause(self) -> Seen | None:
        """Return the signature that most likely says why."""
        return self.signatures[0] if self.signatures else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """Incidents of one cause."""

    fault: Fault
    unit: UnitId
    summary: str
    signature: str
    key: str
    count: int
    first_at: float
    last_at: float
    every_s: float | None
    """They come at this interval, give or take a quarter of it; None: they do not."""
    total_s: float
    """All of them together lasted so long."""
    incidents: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Replayed:
    """Everything that a replay gives."""

    since: float
    until: float
    sources: list[SourceRead] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    incidents: list[Found] = field(default_factory=list)
    recurring: list[Recurring] = field(default_factory=list)
    noticed: Mapping[str, int] = field(default_factory=dict)
    """How often each kind of notice would have been given."""
    unplaced: list[tuple[UnitId, Seen]] = field(default_factory=list)
    """Errors in logs without times: seen so often, nobody knows when."""
    live: Mapping[str, str] = field(default_factory=dict)
    """Of those that the agent saw itself, the id that it gave them."""
    took_s: float = 0.0
