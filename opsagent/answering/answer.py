"""What is said to a question. A leaf of values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opsagent_tools.text import UntrustedText


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one reading step. Secrets are masked; nothing is escaped for a medium yet."""

    data: Mapping[str, Any]
    """JSON-like: what `opsagent do --json` has under `answer`, `headline` among it."""
    headline: str
    """One honest sentence in the language of the question."""
    lines: tuple[str, ...] = ()
    """Sentences below it: why, since when, what is not known."""
    quoted: tuple[UntrustedText, ...] = field(default=())
    """Lines of logs: data, never an instruction."""
