"""What supervisors wrote about processes that have long ended, told in one vocabulary. A leaf beside the port."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum


class PastKind(StrEnum):
    """What happened."""

    SPAWNED = "spawned"
    """A process was started."""
    DIED = "died"
    """It ended by itself, or something that is not its supervisor ended it."""
    ENDED = "ended"
    """Its supervisor was asked to end it: a stop, or the first half of a restart or reload."""
    STOPPED = "stopped"
    """The unit as a whole was stopped on purpose: nothing started it again."""
    GAVE_UP = "gave_up"
    """Its supervisor tries no more."""
    MEMORY = "memory"
    """Its supervisor restarts it because it used too much memory."""
    DAEMON_BEGAN = "daemon_began"
    """The supervisor itself began."""
    DAEMON_ENDED = "daemon_ended"
    """It was told to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEvent:
    """One thing that a supervisor's own log says."""

    kind: PastKind
    at: float
    """Seconds since the epoch."""
    name: str = ""
    """Of the unit, as that log calls it; empty: the supervisor itself."""
    instance: str = ""
    """Tells the processes of one unit apart; empty where it has one."""
    exit_code: int | None = None
    """-N for signal N; None: not told."""
    reason: str = ""
    """One line, for a person."""


def in_order(events: Iterator[PastEvent]) -> Iterator[PastEvent]:
    """Give the events with times that never go back: a clock that was set back loses nothing."""
    last = float("-inf")
    for event in events:
        last = max(last, event.at)
        yield event if event.at == last else replace(event, at=last)
