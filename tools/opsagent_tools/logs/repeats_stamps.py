"""Stamps of lines that have more before their message than one header, or none: columns, nested headers, a bare level.

Where such a stamp stands depends on where digits stand, and on nothing else but whether a number of ten digits may be
seconds since the epoch (`firsts`). Which stamps are asked for must not depend on what one of them says: of the lines
where it could, nothing is kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from opsagent_tools.logs.header import HeadKind
    from opsagent_tools.logs.reading import LineReader
    from opsagent_tools.logs.when import Moments

_NUMBER = re.compile(r"\d{10,}")
_EPOCH_DIGITS = 10
_NUMBERS = 4
"""More numbers of that length are not looked at for each line."""
_FIRST_OF_EPOCH = "12"

Spans = tuple[int, int, int, int, int, int]


class Other(NamedTuple):
    """How to read the stamps of lines that have more than the usual header before their message."""

    format: str
    """What the reader says of a source that has such lines."""
    epoch: tuple[int, int, int, int] | None
    """Begin and end of the seconds since the epoch that count, and of their fraction."""
    stamp: tuple[HeadKind, Spans] | None
    """The stamp that is asked for; it counts where there is no `epoch`."""
    firsts: tuple[tuple[int, bool], ...]
    """Where numbers of ten digits begin, and whether they could be seconds since the epoch."""

    def read(self, reader: LineReader, text: str) -> tuple[float | None] | None:
        """Return when the line says it was written; None: it has to be read as a whole."""
        if self.format != reader.format:
            return None
        for place, small in self.firsts:
            if (text[place] in _FIRST_OF_EPOCH) != small:
                return None
        at = None
        if self.stamp is not None:
            kind, spans = self.stamp
            at = moment_of(reader.moments, kind, spans, text)
            if at is None:
                return None
        if self.epoch is not None:
            begin, end, fraction, fraction_end = self.epoch
            at = float(f"{text[begin:end]}.{text[fraction:fraction_end] if fraction >= 0 else 0}")
        return (at,)


def other_stamps(reader: LineReader) -> Other | None:
    """Return how the stamps of lines like the one that was read last are read; None: its digits may matter."""
    text, body = reader.whole, reader.body
    start = len(text) - len(body)
    if reader.introduces or not body.strip() or body[0] in " \t{<" or "<" in text[:start] or text[start:] != body:
        return None
    asked = [] if reader.usual is None or reader.head is None else [(reader.head, reader.usual, -1)]
    asked += reader.asked
    epoch: tuple[int, int, int, int] | None = None
    if asked and asked[0][2] >= 0 and asked[0][0].stamp.absolute:
        _, found, offset = asked.pop(0)
        epoch = (*_placed(found, 1, offset), *_placed(found, 2, offset))
    numbers = list(_NUMBER.finditer(text))
    if len(asked) > 1 or len(numbers) > _NUMBERS or any(len(number[0]) > _EPOCH_DIGITS for number in numbers):
        return None
    stamp: tuple[HeadKind, Spans] | None = None
    for kind, found, offset in asked:
        begin = offset if offset >= 0 else len(text) - len(found.string)
        stamp = kind, (*_placed(found, 1, begin), *_placed(found, 2, begin), *_placed(found, 3, begin))
    return Other(reader.format, epoch, stamp, tuple((one.start(), one[0][0] in _FIRST_OF_EPOCH) for one in numbers))


def moment_of(moments: Moments, kind: HeadKind, spans: Spans, text: str) -> float | None:
    """Return the moment of the stamp that stands at these places of a line."""
    begin, end, fraction, fraction_end, zone, zone_end = spans
    return moments.at(
        kind.stamp,
        text[begin:end],
        text[fraction:fraction_end] if fraction >= 0 else None,
        text[zone:zone_end] if zone >= 0 else None,
    )


def _placed(found: re.Match[str], group: int, offset: int) -> tuple[int, int]:
    """Return where a group stands in the line, of which the text that was searched begins at `offset`."""
    begin, end = found.span(group)
    return (begin + offset, end + offset) if begin >= 0 else (-1, -1)
