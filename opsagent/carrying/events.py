"""What is told while steps are carried out, and who wants them done. A leaf of values.

Whoever shows it (a terminal, a conversation, nobody at all) takes `Event`s and answers `confirm`; nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from opsagent.answering.answer import Answer
    from opsagent.commands.reading import CommandStep, Language
    from opsagent.ports import Progress

EventKind = Literal["answer", "shown", "progress", "asked", "refused", "declined", "failed", "not_done", "done"]
"""`shown`: lines to be read before something is asked or done (a difference, what is left alone, what was understood).
`progress`: one line of a plan under way. All others end a step: `asked` (it waits for a yes, `approval` has its id),
`refused` (by policy), `declined` (the person said no), `not_done` (its condition does not hold, or nobody can tell)."""
LAST: frozenset[EventKind] = frozenset({"answer", "asked", "refused", "declined", "failed", "not_done", "done"})
"""Each step ends with exactly one of these."""

Confirm = Callable[[str, Sequence[str]], Awaitable[bool]]
"""`await confirm(question, lines)`: asks the person, in their language; `lines` say what it costs, or what it is about.
Only a person's own yes is True."""


class Ending(IntEnum):
    """How it went, as an exit code; the same as `opsagent.cli.errors.Code`."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NEEDS_APPROVAL = 3
    REFUSED = 4
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who wants it done."""

    name: str
    """As the kernel knows them (`opsagent_tools.peers.person_of`)."""
    confirm: Confirm | None = None
    """None: nobody can be asked; what needs a yes then ends in `asked`."""
    agreed: bool = False
    """They said yes to exactly these steps already (`--yes`, an offer that was taken). Never exceeds policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing to be shown. Texts are redacted and in the person's language, not yet escaped for a medium."""

    kind: EventKind
    step: CommandStep
    number: int
    """Place of the step among those that are carried out, from 0."""
    text: str = ""
    lines: tuple[str, ...] = ()
    """With `shown`."""
    code: int = Ending.DONE
    """With what ends a step."""
    answer: Answer | None = None
    progress: Progress | None = None
    """With `progress`."""
    approval: str = ""
    """With `asked`: the id to approve."""
    rule: str = ""
    """With `asked` and `refused`: the guard's rule."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """With what ends a step: its result as `opsagent do --json` prints it (docs/commands.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A command: what is to be done, and the words that it was read from."""

    steps: tuple[CommandStep, ...]
    text: str
    language: Language = "en"
