"""Times of day as people say them, as minutes after midnight. Pure.

An hour without its half of the day is read by the other end of the span: `between 1 and 3 am`, `from 10 pm to 6`. Of the
two readings the shorter span is meant. Where neither end says it, only a clock of 24 hours is taken at its word.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

HALF, DAY = 12 * 60, 24 * 60


class Unclear(ValueError):
    """The sentence can be read in more than one way, or in none. The text says what is missing."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A time of day as it was said."""

    hour: int
    minute: int = 0
    half: str = ""
    """`am`, `pm`, or nothing where that was not said."""
    exact: bool = False
    """Said so that no half is wanted: `22:00`, `noon`."""
    loose: bool = False
    """Said as `1:30`: exact on a clock of 24 hours, and not where the other end of the span says its half of the day."""

    def readings(self) -> tuple[int, ...]:
        """Return the minutes after midnight that may be meant."""
        if self.hour > 24 or self.minute > 59 or (self.half and not 1 <= self.hour <= 12):
            raise Unclear(f"{self.hour}:{self.minute:02d} {self.half}".rstrip() + " is no time of day")
        at = self.hour * 60 + self.minute
        if at > DAY:
            raise Unclear(f"{self.hour}:{self.minute:02d} is no time of day")
        if self.half:
            return (at % HALF + (HALF if self.half == "pm" else 0),)
        if self.exact or self.hour > 12 or self.hour == 0:
            return (at % DAY,)
        return (at % HALF, at % HALF + HALF)


def span_of(first: Spoken, last: Spoken) -> tuple[int, int]:
    """Return beginning and end of a span. Raises Unclear."""
    if first.loose and last.half:
        first = replace(first, exact=False)
    if last.loose and first.half:
        last = replace(last, exact=False)
    begins, ends = first.readings(), last.readings()
    if len(begins) == len(ends) == 2:
        raise Unclear("say am or pm, or write 01:00")
    if len(begins) == 2 and not last.half and not last.exact:  # `between 1 and 15`: a clock of 24 hours
        begins = (first.hour * 60 + first.minute,)
    if len(ends) == 2 and not first.half and not first.exact:
        ends = (last.hour * 60 + last.minute,)
    found = min(((end - begin) % DAY or DAY, begin, end) for begin in begins for end in ends)
    if found[0] == DAY:
        raise Unclear("it ends where it begins")
    return found[1], found[2]
