"""What readers of both languages share: the words' values, the span of time that was taken out, the names of units. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from opsagent.maintenance import ALL, Weekly
from opsagent.taught.clock import Unclear
from opsagent.taught.rule import EVERYTHING, is_zone
from opsagent_tools.actions import ActionName as A

ACTIONS: Mapping[str, frozenset[str]] = {
    # Both put new processes in the place of those that run: who forbids one means the other too.
    "restart": frozenset({A.RESTART, A.RELOAD}),
    "reload": frozenset({A.RESTART, A.RELOAD}),
    # An orphan of a service may be what serves; to end it is to stop the service.
    "stop": frozenset({A.STOP, A.RESTART, A.SIGNAL, A.STOP_ORPHAN}),
    "start": frozenset({A.START}),
    "scale": frozenset({A.SCALE}),
    "roll back": frozenset({A.ROLLBACK, A.ROLLBACK_CONFIG}),
    "rotate": frozenset({A.ROTATE_LOG, A.TRUNCATE_LOG}),
    "touch": frozenset({EVERYTHING}),
}
"""What a verb means, as actions of the closed list."""
ALL_DAYS = frozenset(range(7))
_LONGEST = timedelta(days=3660)


@dataclass(slots=True)
class When:
    """What a sentence says about time, taken out of it."""

    zone: str
    days: frozenset[int] | None = None
    span: tuple[int, int] | None = None
    until: datetime | None = None
    only: bool = False
    """The sentence says `only then`."""
    named_zone: bool = False

    def window(self) -> Weekly | None:
        """Return when the rule holds; None: always."""
        if self.days is None and self.span is None:
            return None
        begins, ends = self.span if self.span is not None else (0, 0)
        return Weekly(self.days if self.days is not None else ALL_DAYS, begins, ends, self.zone)

    def set_days(self, days: frozenset[int]) -> None:
        """Take the weekdays; a second time is one too many."""
        if self.days is not None:
            raise Unclear("it names days twice")
        self.days = days

    def set_span(self, span: tuple[int, int]) -> None:
        """Take the time of day; a second one is one too many."""
        if self.span is not None:
            raise Unclear("it names two times of day; say it in two sentences")
        self.span = span

    def set_zone(self, name: str) -> None:
        """Take the zone whose clock is meant."""
        zone = _ZONES.get(name.lower().replace(" ", ""), name)
        if self.named_zone or not is_zone(zone):
            raise Unclear(f"{name} is no time zone" if not self.named_zone else "it names two time zones")
        self.zone, self.named_zone = zone, True

    def set_until(self, until: datetime, now: datetime) -> None:
        """Take the moment at which it ends."""
        if self.until is not None:
            raise Unclear("it ends twice")
        if not now < until <= now + _LONGEST:
            raise Unclear("it ends before it begins" if until <= now else "it lasts longer than ten years")
        self.until = until

    def set_last_day(self, day: str, now: datetime) -> None:
        """Take the last day on which it holds, by the clock of the zone; who forbids something until then means all of it."""
        from zoneinfo import ZoneInfo

        try:
            midnight = datetime.fromisoformat(day)
        except ValueError:
            raise Unclear(f"{day} is no date") from None
        self.set_until((midnight + timedelta(days=1)).replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC), now)


_ZONES = {"utc": "UTC", "gmt": "UTC", "kst": "Asia/Seoul", "한국시간": "Asia/Seoul"}


@dataclass(frozen=True, slots=True)
class Spelled:
    """A sentence as its grammar explains it."""

    verdict: str
    verbs: tuple[str, ...]
    """Keys of ACTIONS."""
    units: tuple[str, ...]
    outside: bool = False


@dataclass(frozen=True)
class Names:
    """Names of units: those that are known, and the one that `it` means."""

    known: frozenset[str] = frozenset()
    it: str = ""
    reserved: frozenset[str] = field(default=frozenset())
    """Words of the language that are no name unless a unit is called so."""
    everything: re.Pattern[str] = re.compile(r"$^")
    pronoun: re.Pattern[str] = re.compile(r"$^")

    def read(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return the names as they were said. Raises Unclear."""
        found: list[str] = []
        for word in words:
            name = self._known_as(word.strip("\"'`“”‘’"))
            if self.everything.fullmatch(word):
                found.append(ALL)
            elif self.pronoun.fullmatch(word):
                if not self.it:
                    raise Unclear("it names no service")
                found.append(self.it)
            elif name in self.known or (_NAME.fullmatch(name) and name.lower() not in self.reserved):
                found.append(name)
            else:
                raise Unclear(f"{word!r} is no name of a service")
        if not found:
            raise Unclear("it names no service")
        return tuple(dict.fromkeys(found))

    def _known_as(self, name: str) -> str:
        """Return the name of the one service that differs from it in capitals only, else as it was said."""
        alike = [one for one in self.known if one.lower() == name.lower()] if name not in self.known else []
        return alike[0] if len(alike) == 1 else name


_NAME = re.compile(r"[\w][\w.:@/-]*")


def take(text: str, pattern: re.Pattern[str], use: Callable[[re.Match[str]], None]) -> str:
    """Take every match of `pattern` out of the text, hand it on, and return what is left."""

    def one(match: re.Match[str]) -> str:
        use(match)
        return " "

    return re.sub(r"\s+", " ", pattern.sub(one, text)).strip()
