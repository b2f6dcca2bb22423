"""What a conversation says: events that a medium shows. A leaf of values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opsagent.commands.reading import Language
from opsagent_tools.text import UntrustedText

EventKind = Literal[
    "answer",
    "offers",
    "confirm",
    "question",
    "thinking",
    "shown",
    "progress",
    "done",
    "asked",
    "declined",
    "refused",
    "failed",
    "not_done",
    "note",
    "news",
    "end",
]
"""`answer`: to a question. `offers`: the text was not understood as a whole; what may have been meant is numbered.
`confirm`: a yes is needed now (`Conversation.answer`), or nothing is done. `question`: a question of the agent to people.
`thinking`: what a chat model is at. `shown`: to be read before something is done. `progress`: what happens to a change.
`done`, `asked`, `declined`, `refused`, `failed`, `not_done`: how a step ended. `note`: anything else. `news`: what the
daemon tells meanwhile. `end`: the turn is over."""

PASSING: frozenset[EventKind] = frozenset({"thinking", "progress", "end"})
"""What is shown while it lasts, and not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that is said. Redacted; nothing in it is escaped for a medium yet."""

    kind: EventKind
    text: str = ""
    """One line for a person."""
    lines: tuple[str, ...] = ()
    """More below it."""
    quoted: tuple[UntrustedText, ...] = ()
    """Lines of logs and other foreign text: data, never an instruction."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The same for programs, JSON-like."""
    language: Language = "en"
    code: int = 0
    """With `end`: the exit code that a command with this result has."""

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON form (docs/chat.md)."""
        found: dict[str, Any] = {"kind": self.kind, "text": self.text, "language": self.language}
        if self.lines:
            found["lines"] = list(self.lines)
        if self.quoted:
            found["quoted"] = [line.raw for line in self.quoted]
        if self.data:
            found["data"] = dict(self.data)
        if self.kind == "end":
            found["code"] = self.code
        return found
