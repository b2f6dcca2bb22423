"""What supervisors wrote about processes that have long ended, told in one vocabulary. A leaf beside the port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
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


RESTARTED_S = 5.0
"""A process that was asked to end and is started again within this time was restarted, not stopped."""


@dataclass(slots=True)
class Stops:
    """Tells a stop from the first half of a restart, by what follows."""

    _running: dict[str, set[str]] = field(default_factory=dict)
    _ending: dict[str, float] = field(default_factory=dict)

    def told(self, events: Iterable[PastEvent]) -> Iterator[PastEvent]:
        """Pass the events on, with a STOPPED for each unit that was asked to end and that nothing started again."""
        last = 0.0
        for event in events:
            last = max(last, event.at)
            yield from self._over(event.at - RESTARTED_S, event.at)
            self._take(event)
            yield event
        yield from self._over(float("inf"), last)

    def _over(self, until: float, now: float) -> Iterator[PastEvent]:
        for name, at in [(name, at) for name, at in self._ending.items() if at <= until]:
            del self._ending[name]
            yield PastEvent(kind=PastKind.STOPPED, at=min(at + RESTARTED_S, now), name=name)

    def _take(self, event: PastEvent) -> None:
        running = self._running.setdefault(event.name, set())
        match event.kind:
            case PastKind.SPAWNED:
                running.add(event.instance)
                self._ending.pop(event.name, None)
            case PastKind.DIED | PastKind.ENDED:
                running.discard(event.instance)
                if event.kind is PastKind.ENDED and not running:
                    self._ending[event.name] = event.at
            case _:
                pass
