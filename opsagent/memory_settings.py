"""What can be set about the agent's memory, as a plain value; `opsagent/config_memory.py` reads it from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # commands that only look read the configuration too, and need no memory
    from opsagent_memory.options import MemoryOptions

BUILT_IN = "builtin"
"""The embedding model that came inside a package."""
SWITCHES = ("kernel", "families", "linear", "mixing", "decay", "momentum", "gating")
"""Parts of learning that can be switched off one by one (`opsagent_memory.LearningOptions`)."""
SIZES = ("max_records", "keep_detail_days", "keep_archived_days", "repeats_kept")
"""How large a memory may grow, and what goes first (`opsagent_memory.SizePolicy`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySettings:
    """`[memory]` of config.toml."""

    learn: bool = True
    """Whether verified outcomes are remembered. Off: what is remembered is still recalled."""
    explore: bool = True
    """Whether among safe remedies, in mode `auto`, another may be tried where the usual one is in doubt."""
    consolidate: bool = True
    """Whether the memory is put in order while nothing is wrong."""
    quote: bool = True
    """Whether the note of an incident quotes the documents that a person let in."""
    embeddings: str | Mapping[str, object] = BUILT_IN
    """Which model turns text into vectors: the one inside, or by its name one that LangChain reaches, with settings."""
    learning: Mapping[str, bool] = field(default_factory=dict)
    """`[memory.learning]`: the switches that were set."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Limits that were set."""

    def __post_init__(self) -> None:
        for name in ("learning", "sizes"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def options(self) -> MemoryOptions:
        """Return what the memory itself is opened with."""
        from opsagent_memory.learning.words import LearningOptions
        from opsagent_memory.options import MemoryOptions, SizePolicy

        learning = LearningOptions(exploration=self.explore, **self.learning)
        return MemoryOptions(learning=learning, policy=SizePolicy(**self.sizes))
