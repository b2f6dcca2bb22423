"""A map in the terminal: boxes from left to right, from who uses to who is used; an indented list where that is too wide.

Lines of one box never touch another's: boxes of neighbouring layers stand in different rows, so that what leaves one and
what enters another never share a row. Where two lines cross, the upright one is drawn through; a line that comes from the
left goes straight on wherever it can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from opsagent.views.map_graph import STYLES, Arrow, Box, Picture, Tone
from opsagent.views.map_layout import Layout, Spot, lay_out
from opsagent.views.table import cells, fit
from opsagent.views.terminal import Screen, Style, one_line

_LEFT, _RIGHT, _UP, _DOWN = 1, 2, 4, 8
_LINES = "   ─ ┘└┴ ┐┌┬│┤├┼"
"""By the sides that a line leaves to: bits as above."""
_CAPS = (32, 24, 18, 14, 10)
"""Widths of names that are tried, one after the other."""
_MANY = 10
"""In a layer with more than so many boxes each has one row, and no frame."""
_TALLEST, _WIDEST = 4000, 2000


@dataclass(frozen=True, slots=True)
class Letters:
    """What the drawing is made of."""

    unicode: bool = True

    def line(self, sides: int) -> str:
        if self.unicode:
            char = _LINES[sides]
            return char if char != " " else "─" if sides & (_LEFT | _RIGHT) else "│"
        return "-" if not sides & (_UP | _DOWN) else "|" if not sides & (_LEFT | _RIGHT) else "+"

    def mark(self, tone: Tone) -> str:
        if self.unicode:
            return {"bad": "✖", "off": "○", "warn": "◐", "other": "◇"}.get(tone, "●")
        return {"bad": "!", "off": "o", "warn": "~", "other": "."}.get(tone, "*")

    @property
    def arrow(self) -> str:
        return "▶" if self.unicode else ">"

    @property
    def branches(self) -> tuple[str, str, str]:
        return ("├─ ", "└─ ", "│  ") if self.unicode else ("|- ", "`- ", "|  ")


def draw(picture: Picture, screen: Screen, letters: Letters) -> list[str]:
    """Return the lines of a map, as wide as the screen at most."""
    lines: list[str] = []
    if picture.boxes:
        layout = lay_out([box.id for box in picture.boxes], [(arrow.source, arrow.target) for arrow in picture.arrows])
        drawing = _drawing(picture, layout, screen, letters)
        lines += drawing if drawing is not None else tree(picture, screen, letters)
        lines += _circles(picture, layout, screen) if drawing is not None else []
    if picture.alone:
        lines += ["", *_alone(picture.alone, screen, letters)] if lines else _alone(picture.alone, screen, letters)
    return lines


def _drawing(picture: Picture, layout: Layout, screen: Screen, letters: Letters) -> list[str] | None:
    """Return the drawing; None where the screen is too narrow for it."""
    for cap in _CAPS:
        plan = _Plan(picture, layout, cap, letters)
        if plan.height > _TALLEST or plan.width > _WIDEST:
            return None
        if screen.width is None or plan.width <= screen.width:
            return plan.draw(screen)
    return None


class _Plan:
    """Where everything is, for one width of names."""

    def __init__(self, picture: Picture, layout: Layout, cap: int, letters: Letters) -> None:
        self._letters = letters
        self._layout = layout
        self._boxes: Mapping[str, Box] = {box.id: box for box in picture.boxes}
        self._framed = max(map(len, layout.layers)) <= _MANY
        self._frame = 4 if self._framed else 2
        self._texts = {box.id: _text(box, cap, letters) for box in picture.boxes}
        self._leaving: dict[Spot, list[Spot]] = {}
        for source, target in layout.segments:
            self._leaving.setdefault(source, []).append(target)
        self._columns: list[tuple[int, int]] = []
        """First column of each layer, and the one behind its last."""
        self._tracks: dict[Spot, int] = {}
        at = 0
        for layer in layout.layers:
            widths = [cells(self._texts[spot.key]) for spot in layer if not spot.passes]
            end = at + max(widths, default=0) + self._frame
            self._columns.append((at, end))
            at = end + self._lay_tracks(layer, end + 1)
        self.width = self._columns[-1][1]
        self.height = max(map(self._row, layout.rows)) + 2

    def _row(self, spot: Spot) -> int:
        pitch = 4 if self._framed else 2
        return self._layout.rows[spot] * pitch + spot.layer % 2 * (pitch // 2) + (1 if self._framed else 0)

    def _lay_tracks(self, layer: Sequence[Spot], first: int) -> int:
        """Give every box that arrows leave a column for their upright part; return how wide the channel is."""
        spans: list[tuple[int, int]] = []
        track = -1
        for spot in sorted((one for one in layer if one in self._leaving), key=self._track_order):
            rows = [self._row(spot), *map(self._row, self._leaving[spot])]
            if track < 0 or any(low <= max(rows) and min(rows) <= high for low, high in spans):
                track, spans = track + 1, []
            spans.append((min(rows), max(rows)))
            self._tracks[spot] = first + track
        return track + 4 if track >= 0 else 0

    def _track_order(self, spot: Spot) -> tuple[bool, int]:
        """Those that go up stand left, the upper ones first; those that go down right of them, the lower ones first."""
        row = self._row(spot)
        down = sum(self._row(target) for target in self._leaving[spot]) > row * len(self._leaving[spot])
        return down, -row if down else row

    def draw(self, screen: Screen) -> list[str]:
        canvas = _Canvas(self.height, self._letters)
        for spot in self._layout.rows:
            begin, end = self._columns[spot.layer]
            if spot.passes:
                canvas.across(self._row(spot), begin, end, spot.key)
            else:
                self._draw_box(canvas, spot, begin, end)
            if spot in self._leaving:
                self._draw_arrows(canvas, spot, end)
        return canvas.lines(screen)

    def _draw_box(self, canvas: _Canvas, spot: Spot, begin: int, end: int) -> None:
        box, row, text = self._boxes[spot.key], self._row(spot), self._texts[spot.key]
        style = STYLES[box.tone]
        last = begin + cells(text) + self._frame
        if self._framed:
            corners, bar = ("┌┐└┘", "─") if self._letters.unicode else ("++++", "-")
            for at, ends in ((row - 1, corners[:2]), (row + 1, corners[2:])):
                canvas.write(at, begin, ends[0] + bar * (cells(text) + 2) + ends[1], style)
            side = "│" if self._letters.unicode else "|"
            canvas.write(row, begin, f"{side} {text} {side}", style)
        else:
            canvas.write(row, begin, f" {text} ", style)
        if spot in self._leaving:
            canvas.across(row, last, end, spot.key)

    def _draw_arrows(self, canvas: _Canvas, spot: Spot, end: int) -> None:
        track, row = self._tracks[spot], self._row(spot)
        canvas.across(row, end, track, spot.key)
        canvas.turn(row, track, spot.key, _LEFT)
        for target in self._leaving[spot]:
            at, into = self._row(target), self._columns[target.layer][0]
            canvas.down(min(row, at), max(row, at), track, spot.key)
            canvas.turn(at, track, spot.key, _RIGHT)
            canvas.across(at, track + 1, into, spot.key)
            if not target.passes:
                canvas.write(at, into - 1, self._letters.arrow, "dim")


class _Canvas:
    """Cells, each with a character or with lines, which know whose they are."""

    def __init__(self, height: int, letters: Letters) -> None:
        self._letters = letters
        self._texts: list[dict[int, tuple[str, Style]]] = [{} for _ in range(height + 1)]
        self._sides: list[dict[int, dict[str, int]]] = [{} for _ in range(height + 1)]

    def write(self, row: int, column: int, text: str, style: Style) -> None:
        for char in text:
            width = cells(char)
            if width == 0:  # it belongs to the character before it
                before = self._texts[row].get(column - 1)
                if before is not None:
                    self._texts[row][column - 1] = (before[0] + char, before[1])
                continue
            self._texts[row][column] = (char, style)
            if width == 2:
                self._texts[row][column + 1] = ("", style)
            column += width

    def turn(self, row: int, column: int, owner: str, sides: int) -> None:
        cell = self._sides[row].setdefault(column, {})
        cell[owner] = cell.get(owner, 0) | sides

    def across(self, row: int, begin: int, end: int, owner: str) -> None:
        for column in range(begin, end):
            self.turn(row, column, owner, _LEFT | _RIGHT)

    def down(self, top: int, bottom: int, column: int, owner: str) -> None:
        for row in range(top, bottom):
            self.turn(row, column, owner, _DOWN)
            self.turn(row + 1, column, owner, _UP)

    def lines(self, screen: Screen) -> list[str]:
        drawn = [self._line(row, screen) for row in range(len(self._texts))]
        inked = [at for at, line in enumerate(drawn) if line]
        return drawn[inked[0] : inked[-1] + 1] if inked else []

    def _line(self, row: int, screen: Screen) -> str:
        texts, sides = self._texts[row], self._sides[row]
        pieces: list[tuple[str, Style]] = []
        for column in range(max((*texts, *sides), default=-1) + 1):
            char, style = (
                texts.get(column) or (self._lined(sides[column]), "dim") if column in {*texts, *sides} else (" ", "")
            )
            if pieces and pieces[-1][1] == style:
                pieces[-1] = (pieces[-1][0] + char, style)
            else:
                pieces.append((char, style))
        return "".join(screen.paint(text, style) if text.strip() else text for text, style in pieces).rstrip()

    def _lined(self, owners: Mapping[str, int]) -> str:
        level, upright = _LEFT | _RIGHT, _UP | _DOWN
        if level in owners.values() and upright in owners.values() and not {level, upright} ^ set(owners.values()):
            return self._letters.line(upright)  # they cross
        sides = 0
        for each in owners.values():
            sides |= each
        return self._letters.line(sides)


def tree(picture: Picture, screen: Screen, letters: Letters) -> list[str]:
    """Return the map as an indented list: below each box what it uses; what was listed already is only named."""
    boxes = {box.id: box for box in picture.boxes}
    below: dict[str, list[str]] = {}
    for arrow in picture.arrows:
        below.setdefault(arrow.source, []).append(arrow.target)
    called = {arrow.target for arrow in picture.arrows}
    lines: list[str] = []
    listed: set[str] = set()

    def add(key: str, lead: str, hang: str) -> None:
        again = key in listed and key in below
        text = _text(boxes[key], 200, letters) + (" (see above)" if again else "")
        room = None if screen.width is None else max(8, screen.width - cells(lead))
        lines.append(lead + screen.paint(text if room is None else fit(text, room), STYLES[boxes[key].tone]))
        if again:
            return
        listed.add(key)
        targets = below.get(key, [])
        for number, target in enumerate(targets):
            last = number == len(targets) - 1
            middle, end, bar = letters.branches
            if screen.width is None or cells(hang) + 3 < screen.width // 2:
                add(target, hang + (end if last else middle), hang + ("   " if last else bar))

    for key in (*(key for key in boxes if key not in called), *boxes):
        if key not in listed:
            add(key, "", "")
    return lines


def _text(box: Box, cap: int, letters: Letters) -> str:
    title = fit(one_line(box.title), cap)
    ports = f" {box.ports}" if box.ports and cells(title) + cells(box.ports) < cap else ""
    text = f"{letters.mark(box.tone)} {title}{ports}"
    return text if letters.unicode else text.replace("…", "~")


def _circles(picture: Picture, layout: Layout, screen: Screen) -> list[str]:
    names = {box.id: one_line(box.title) for box in picture.boxes}
    return [_fitted(f"and back: {names[source]} uses {names[target]}", screen) for source, target in layout.back]


def _fitted(text: str, screen: Screen) -> str:
    return text if screen.width is None else fit(text, screen.width)


def _alone(boxes: Iterable[Box], screen: Screen, letters: Letters) -> list[str]:
    """Return what nothing is known of, as a paragraph."""
    lines = [screen.paint(_fitted("Seen to talk to nobody:", screen), "dim")]
    current, width = "", 0
    for box in boxes:
        text = _text(box, 40, letters)
        text = _fitted(text, screen)
        if current and screen.width is not None and width + 2 + cells(text) > screen.width:
            lines.append(current)
            current, width = "", 0
        painted = screen.paint(text, STYLES[box.tone])
        current = f"{current}  {painted}" if current else painted
        width += cells(text) + (2 if width else 0)
    return [*lines, current]


def arrow_lines(picture: Picture) -> list[str]:
    """Return every arrow in words, with where it is known from."""
    names = {box.id: one_line(box.title) for box in (*picture.boxes, *picture.alone)}
    return [_arrow_line(arrow, names) for arrow in picture.arrows]


def _arrow_line(arrow: Arrow, names: Mapping[str, str]) -> str:
    at = f" {one_line(arrow.at)}" if arrow.at else ""
    return f"{names[arrow.source]} uses {names[arrow.target]}{at}: {arrow.words}"
