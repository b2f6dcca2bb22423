"""The mask, and what a rule is. A leaf: standard library only."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

MASK = re.compile(r"(«redacted: [a-z0-9 -]{1,40}»)")


def mask(label: str) -> str:
    """Return what stands in the place of a secret of this kind."""
    return f"«redacted: {label}»"


@dataclass(frozen=True, slots=True)
class Rule:
    """One shape of secret."""

    needles: tuple[str, ...]
    """Lower-case substrings; without any of them in the lowered text the pattern cannot match."""
    pattern: re.Pattern[str]
    masked: Callable[[re.Match[str]], str]
    """Gives the text that replaces a match: the match itself where a closer look finds it harmless."""
