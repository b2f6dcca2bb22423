"""What detect notices that is no incident: worth knowing, nobody is woken, nothing is done because of it.

A notice stands in the timeline, in `opsagent top` and beside the incidents that it belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from opsagent.model import EvidenceKind, Scalar
from opsagent_tools.units import UnitId


class NoticeKind(StrEnum):
    """What there is to notice."""

    NEW_SIGNATURE = "new_signature"
    """The unit logs something that it never logged before."""
    NEW_SINCE_RELEASE = "new_since_release"
    """The same, since a release that came a short while ago."""
    CAME_BACK = "came_back"
    """A signature of an incident that was thought repaired."""
    ERROR_SHARE = "error_share"
    """The share of error lines is another one than usual."""
    SILENCE = "silence"
    """Nothing is logged for far longer than usual."""
    FLOOD = "flood"
    """More is logged than can be read: only a sample of it was."""
    LEVEL_SHIFT = "level_shift"
    SPIKE = "spike"
    LEAK = "leak"
    """The floor of something that is freed again and again keeps rising."""
    SATURATION = "saturation"
    """Something will be used up, at this rate, in a time that can be told."""
    FLAPPING = "flapping"
    NOISY_NEIGHBOUR = "noisy_neighbour"
    """One process takes what the others need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that was noticed."""

    kind: NoticeKind
    unit: UnitId
    at: datetime
    evidence: EvidenceKind
    text: str
    """One line for a person; redacted."""
    data: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a notice's time must be aware (UTC)")
        object.__setattr__(self, "data", MappingProxyType(dict(self.data)))


@dataclass(frozen=True, slots=True)
class Noticed:
    """Detect noticed something; a detection beside Opened, Updated and Closed."""

    notice: Notice
