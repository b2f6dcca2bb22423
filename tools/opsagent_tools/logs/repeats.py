"""Lines that differ from one that was read before in nothing but which digits stand where: read by one look-up.

Most lines are of few kinds, and those of one kind differ in numbers. What `LineReader` makes of a line (where its header
ends, its level, whether it may belong to a trace) and which template it has depends on where digits stand, hardly ever on
which ones: so it is kept under the line with all digits alike, and of the next such line only the stamp is read anew.
`learn` keeps nothing where the digits themselves might matter. `reading.py` stays what defines the result; a line that is
not known goes there, and a test compares the two. One for all sources; bounded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opsagent_tools.logs.event import LogEvent
from opsagent_tools.logs.header import LEVELS, HeadKind
from opsagent_tools.logs.joining import BAD, has_nothing_of_a_trace
from opsagent_tools.logs.repeats_stamps import Other, Spans, moment_of, other_stamps
from opsagent_tools.logs.shape import level_by_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsagent_tools.logs.miner_book import Group
    from opsagent_tools.logs.reading import EventReader, LineReader

_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_SLICE = 500
"""Lines that are made alike at a time: what they take stays in the processor's cache."""
_KEPT = 4000
"""So many lines, twice, are remembered; and which ones were seen once, twice as many."""
_LONGEST = 1000
"""Bytes of a line that is remembered."""
_EPOCH = re.compile(r"\d{10}")
"""What may be a stamp or not, depending on its first digit (`columns.py`)."""


class Repeat:
    """What is known of all lines that look like one, but for their digits."""

    __slots__ = ("end", "group", "kind", "level", "other", "plain", "stamp", "start", "stated", "status")

    def __init__(
        self, kind: HeadKind | None, stamp: Spans, start: int, level: str, *, stated: bool, plain: bool
    ) -> None:
        self.kind = kind
        self.stamp = stamp
        """Begin and end of the stamp's text, fraction and zone; -1: it has none."""
        self.end = max(stamp)
        self.start = start
        """Where the message begins."""
        self.level = level
        self.stated = stated
        """Its header states the level."""
        self.plain = plain
        """Nothing in it may belong to a trace (`Joiner.is_plain`)."""
        self.other: Other | None = None
        """Where the stamp is not simply that of a header of `kind`."""
        self.group: Group | None = None
        """The template of the message; None: not known yet. The miner's to set."""
        self.status = False
        """There may be an HTTP status in it: the template depends on that one too. The miner's to set."""


_NOWHERE = (-1,) * 6
_ANEW = Repeat(None, _NOWHERE, 0, "", stated=False, plain=False)
"""Of lines that have to be read anew each time."""


class Repeats:
    """The lines that are remembered, the latest of them."""

    def __init__(self) -> None:
        self.latest: dict[bytes, Repeat] = {}
        self._before: dict[bytes, Repeat] = {}
        self._once: set[int] = set()
        self._stamps: dict[Spans, Spans] = {}

    def find(self, shape: bytes) -> Repeat | None:
        """Return what is known of a line that looks like this; it is among the latest from now on."""
        known = self.latest.get(shape)
        if known is None:
            known = self._before.get(shape)
            if known is not None:
                self._keep(shape, known)
        return known

    def seen_before(self, shape: bytes) -> bool:
        """Tell whether such a line came before: what comes once only is not worth keeping."""
        number = hash(shape)
        if number in self._once:
            return True
        if len(self._once) >= 2 * _KEPT:
            self._once.clear()
        self._once.add(number)
        return False

    def learn(self, shape: bytes, line: bytes, reader: LineReader) -> None:
        """Keep what was read in `line`, which `reader` has just read; or that nothing can be kept of such lines."""
        if len(line) <= _LONGEST and reader.whole == line.decode("utf-8", "replace"):
            self._keep(shape, self._usual(reader) or _other(reader) or _ANEW)

    def _usual(self, reader: LineReader) -> Repeat | None:
        found, kind = reader.usual, reader.head
        if found is None or kind is None:
            return None
        start, body = found.end(), reader.body
        stated = reader.stated
        by_digits = kind.stamp.absolute or body[:1] == "{" or (not stated and _EPOCH.search(body) is not None)
        if by_digits or not body.strip() or body != found.string[start:]:
            return None
        level = LEVELS.get(found[found.lastindex or 0], "") if stated else level_by_shape(body)
        spans = (*found.span(1), *found.span(2), *found.span(3))
        if len(self._stamps) > _KEPT:
            self._stamps.clear()
        stamp = self._stamps.setdefault(spans, spans)
        plain = not stated and not level and has_nothing_of_a_trace(body)
        return Repeat(kind, stamp, start, level, stated=stated, plain=plain)

    def _keep(self, shape: bytes, known: Repeat) -> None:
        if len(self.latest) >= _KEPT:
            self._before, self.latest = self.latest, {}
        self.latest[shape] = known


def take(reader: EventReader, lines: Sequence[bytes], repeats: Repeats, events: list[LogEvent]) -> None:
    """Do what `EventReader.take` does with lines that are known; leave the others to it. Events know their `repeat`."""
    for at in range(0, len(lines), _SLICE):
        _take(reader, lines[at : at + _SLICE], repeats, events)


def _take(reader: EventReader, lines: Sequence[bytes], repeats: Repeats, events: list[LogEvent]) -> None:
    shapes = b"\n".join(lines).translate(_ALIKE).split(b"\n")
    if len(shapes) != len(lines):  # one of them is none
        shapes = [line.translate(_ALIKE) for line in lines]
    latest, joiner, moments, head = repeats.latest.get, reader.joiner, reader.lines.moments, reader.lines.head
    hold, give = joiner.hold, events.append
    at: float | None = None
    stamp, text_of_stamp = None, ""  # type: tuple[Spans | None, str]
    for line, shape in zip(lines, shapes, strict=True):
        known = None if joiner.busy else latest(shape) or repeats.find(shape)
        text = line.decode("utf-8", "replace")
        if known is not None and head is not None and known.kind is head:
            if known.stamp is not stamp or text[: known.end] != text_of_stamp:
                stamp, text_of_stamp = known.stamp, text[: known.end]
                at = moment_of(moments, head, stamp, text)
        elif (
            known is not None and known.other is not None and (told := known.other.read(reader.lines, text)) is not None
        ):
            stamp, at = None, told[0]
        else:
            _read(reader, line, shape, known, repeats, events)
            head, stamp = reader.lines.head, None
            continue
        body = text[known.start :]
        event = LogEvent(at, known.level, body.strip(), None, 1, None, known)
        last = joiner.last
        if known.stated or (known.plain and (last is None or last.level not in BAD)):
            if last is not None:
                give(last)
            hold(event, body, known.stated)
        else:
            joiner.add(event, body, False, events)


def _other(reader: LineReader) -> Repeat | None:
    other, body = other_stamps(reader), reader.body
    if other is None:
        return None
    plain = not reader.stated and not reader.level and has_nothing_of_a_trace(body)
    start = len(reader.whole) - len(body)
    known = Repeat(None, _NOWHERE, start, reader.level, stated=reader.stated, plain=plain)
    known.other = other
    return known


def _read(  # noqa: PLR0917
    reader: EventReader, line: bytes, shape: bytes, known: Repeat | None, repeats: Repeats, events: list[LogEvent]
) -> None:
    """Leave a line to the reader, and learn from it how such lines are to be read."""
    format_before = reader.lines.format
    reader.add(line, events)
    if not reader.lines.whole or reader.lines.format != format_before:
        return
    other = known.other if known is not None else None
    if (known is None or (other is not None and other.format != format_before)) and repeats.seen_before(shape):
        repeats.learn(shape, line, reader.lines)
