"""What can be set about a memory. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field

from opsagent_memory.learning.words import LearningOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class SizePolicy:
    """How large a memory may grow, and what goes first."""

    max_records: int = 100_000
    """Live records; beyond, the oldest archived episodes are erased (their counts stay)."""
    keep_detail_days: int = 90
    """An episode that repeats what its family knows is archived after so many days."""
    keep_archived_days: int = 400
    """An archived episode is erased after so many days; its counts stay."""
    repeats_kept: int = 5
    """So many of a family's newest episodes are never archived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryOptions:
    """All that can be set."""

    learning: LearningOptions = field(default_factory=LearningOptions)
    policy: SizePolicy = field(default_factory=SizePolicy)
