"""Lists and menus: rows that begin at the same column, one of which is highlighted."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.terminal.cells import Cell, read
from opsagent_tools.gui.terminal.reading.frames import HORIZONTAL, VERTICAL
from opsagent_tools.gui.terminal.reading.layout import Layout, Strip, box_of
from opsagent_tools.gui.terminal.reading.tags import tag_of, untagged
from opsagent_tools.gui.terminal.reading.words import bare, tidy

_POINTERS = "❯►▶➜➤→»›‣>"
_SLACK = 2
"""By how many columns the texts of a list's rows may begin apart (numbers that are set flush right, marks)."""
_KEY = re.compile(r"F\d{1,2}|[\^CMSA][-^]?\S( \S+)?|C-\S+ \S+|(Ctrl|Alt|Shift|Meta|Strg)[-+]\S+|[+*/\\-]")
"""A key that a menu shows behind an item."""
_RULES = HORIZONTAL + " \u200b"
_COLUMNS = re.compile(f"[{re.escape(VERTICAL)}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a list."""

    text: str
    """All of it, as a person reads it."""
    called: tuple[str, ...]
    """Other names of it: without its tag, its first column, its mark."""
    box: Box
    owner: int
    lit: bool
    tag: str = ""
    """A word before it that means this row alone, however it is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A list."""

    rows: tuple[Row, ...]
    owner: int
    in_dialog: bool
    """It stands in a dialog with buttons."""
    table: bool
    """Its rows have columns."""


def lists_of(layout: Layout, taken: Sequence[Box], dialogs: Collection[int] = ()) -> list[Listed]:
    """Return the lists that show which of their rows is highlighted. `dialogs`: the frames that have buttons."""
    found: list[Listed] = []
    for strip in layout.strips:
        for band in _bands(layout, strip, taken) or _pointed(layout, strip, taken):
            if strip.row == 0 and band[1] - band[0] > layout.cells.width * 9 // 10:
                continue  # the title of the program
            box = box_of(strip.row, *band)
            if any(not row.box.meets(box).empty for one in found for row in one.rows):
                continue
            rows = _rows(layout, strip, band, taken)
            if sum(row.lit for row in rows) == 1 and (len(rows) > 1 or strip.owner >= 0):
                found.append(_listed(layout, strip, rows, band, dialogs))
    return found


def _bands(layout: Layout, strip: Strip, taken: Sequence[Box]) -> list[tuple[int, int]]:
    """Return the columns of highlighted rows: what stands out, blanks between and behind included; the widest first."""
    row = layout.cells.rows[strip.row]
    pieces: list[tuple[int, int]] = []
    for column in range(strip.left, strip.right):
        if not layout.stands_out(row[column].style, strip.owner):
            continue
        last = pieces[-1] if pieces else None
        alike = last is not None and row[last[1] - 1].style.shown[1] == row[column].style.shown[1]
        # In a frame a tag and its text, lit each for itself, are one row.
        near = last is not None and (column - last[1] <= _SLACK or (strip.owner >= 0 and _blank(row[last[1] : column])))
        if last is not None and alike and near:
            pieces[-1] = (last[0], column + 1)
        else:
            pieces.append((column, column + 1))
    return [
        (left, right)
        for left, right in sorted(pieces, key=lambda one: one[0] - one[1])
        if right - left > 1 and layout.cells.text(strip.row, left, right).strip()
        and all(box_of(strip.row, left, right).meets(one).empty for one in taken) and layout.bright(strip, left, right) > 0.5
    ]  # fmt: skip


def _blank(cells: Sequence[Cell]) -> bool:
    return not any(cell.char.strip() for cell in cells)


def _pointed(layout: Layout, strip: Strip, taken: Sequence[Box]) -> list[tuple[int, int]]:
    """Return the columns of a row that a sign points at (`> Item`), if its neighbours have a blank there."""
    line = layout.line(strip)
    mark = re.match(rf"\s*([{_POINTERS}])\s+(?=\S)", line)
    if mark is None or any(not box_of(strip.row, strip.left, strip.right).meets(one).empty for one in taken):
        return []
    at = strip.left + mark.start(1)
    beside = [row for row in (strip.row - 1, strip.row + 1) if 0 <= row < layout.cells.height]
    if not any(_text_at(layout, row, strip.owner, strip.left + mark.end(), at) for row in beside):
        return []
    return [(strip.left + mark.end(), strip.left + len(line.rstrip()))]


def _text_at(layout: Layout, row: int, owner: int, start: int, blank: int) -> bool:
    line = layout.cells.lines[row]
    return layout.owner(start, row) == owner and not line[blank].strip() and bool(line[start : start + 1].strip())


def _rows(layout: Layout, strip: Strip, band: tuple[int, int], taken: Sequence[Box]) -> list[Row]:
    """Return the highlighted row and those above and below that begin where it begins, up to a blank row."""
    rows = [_row(layout, strip, band, lit=True)]
    ground = layout.main_ground(strip.row, *band)
    for step in (-1, 1):
        row, parted = strip.row + step, 0
        while 0 <= row < layout.cells.height and parted < 2:
            other = _beside(layout, row, strip.owner, band[0])
            if other is None or _is_rule(layout, other):
                parted += 1  # a line that parts the rows of a menu
            elif (found := _sibling(layout, strip, other, band, ground)) is not None and all(
                found.box.meets(one).empty for one in taken
            ):
                rows.append(found)
                parted = 0
            else:
                break
            row += step
    return sorted(rows, key=lambda one: one.box.top)


def _is_rule(layout: Layout, strip: Strip) -> bool:
    line = layout.line(strip)
    return bool(line.strip()) and not line.strip(_RULES)


def _sibling(layout: Layout, strip: Strip, other: Strip, band: tuple[int, int], ground: str) -> Row | None:
    """Return a row beside the highlighted one as one of its list; None: it begins elsewhere, or looks like a heading."""
    start = _start(layout, strip.row, band[0], band[1])
    begins = _start(layout, other.row, band[0], other.right)
    if (
        start is None
        or begins is None
        or abs(begins - start) > _SLACK
        or _cut(layout, other.row, begins, other.left, start)
    ):
        return None
    right = min(other.right, max(band[1], _end(layout, other.row, band, other.right)))
    lit = ends_lit(layout, other, band[0], right)
    if lit and layout.main_ground(other.row, band[0], right) != ground:
        return None
    return _row(layout, other, (band[0], right), lit=lit)


def ends_lit(layout: Layout, strip: Strip, left: int, right: int) -> bool:
    """Tell whether the end of the text stands out: a tag before it may always do so."""
    text = bare(layout.cells.lines[strip.row][left:right]).rstrip(VERTICAL + " ")
    if not text.strip():
        return layout.bright(strip, left, right) > 0.5
    return layout.stands_out(layout.cells.rows[strip.row][left + len(text) - 1].style, strip.owner)


def _cut(layout: Layout, row: int, begins: int, left: int, start: int) -> bool:
    """The text at `begins` is the middle of a longer one that begins further left."""
    line = layout.cells.lines[row]
    before = line[max(left, begins - 1) : begins]
    return bool(before.strip()) and begins >= start and before not in VERTICAL


def _beside(layout: Layout, row: int, owner: int, column: int) -> Strip | None:
    return next((one for one in layout.of(owner) if one.row == row and one.left <= column < one.right), None)


def _start(layout: Layout, row: int, left: int, right: int) -> int | None:
    text = layout.cells.lines[row][left:right]
    return left + len(text) - len(text.lstrip()) if text.strip() else None


def _end(layout: Layout, row: int, band: tuple[int, int], right: int) -> int:
    """Return where the text of a row ends: with the row of a frame; elsewhere at two blanks, from the band's end on."""
    if layout.owner(band[0], row) >= 0:
        return band[0] + len(layout.cells.lines[row][band[0] : right].rstrip())
    beyond = layout.cells.lines[row][band[1] : right]
    if not beyond[:1].strip() or not layout.cells.lines[row][band[1] - 1].strip():
        return band[1]
    gap = re.search(r"\s{2,}", beyond)
    return band[1] + (gap.start() if gap else len(beyond.rstrip()))


def _row(layout: Layout, strip: Strip, band: tuple[int, int], *, lit: bool) -> Row:
    left, right = band
    raw = layout.cells.lines[strip.row][left:right]
    first = _COLUMNS.split(raw)[0]
    first = bare(first)
    pieces = [piece for piece in re.split(r"\s{2,}", read(first).strip()) if piece]
    text = pieces[0] if len(pieces) == 2 and _KEY.fullmatch(pieces[1]) else tidy(first)
    return Row(text=text, called=_aliases(first), box=box_of(strip.row, left, right), owner=strip.owner, lit=lit)


def _aliases(raw: str) -> tuple[str, ...]:
    """Return other names of a row: without what stands apart behind it (a key), and without its mark (`/etc`)."""
    pieces = [piece for piece in re.split(r"\s{2,}", read(raw).strip()) if piece]
    if not pieces:
        return ()
    found = [pieces[0], " ".join(pieces[1:]), re.sub(r"^[/*@~!|=+-](?=\w)", "", pieces[0])]
    whole = tidy(raw)
    return tuple(dict.fromkeys(one for one in found if one and one != whole))


def _listed(layout: Layout, strip: Strip, rows: list[Row], band: tuple[int, int], dialogs: Collection[int]) -> Listed:
    in_dialog = not set(layout.chain(strip.owner)).isdisjoint(dialogs)
    line = layout.cells.lines[strip.row][band[0] : band[1]]
    named = tuple(_named(layout, rows, in_dialog=in_dialog))
    return Listed(rows=named, owner=strip.owner, in_dialog=in_dialog, table=bool(_COLUMNS.search(line)))


def _named(layout: Layout, rows: list[Row], *, in_dialog: bool) -> list[Row]:
    """Call each row by what follows its tag, where the rows have tags; the first may be a heading.

    Only in a dialog does a tag mean its row: the first column of a table (`root`, `running`) may be of another one next time.
    """
    lines = [bare(layout.cells.lines[row.box.top][row.box.left : row.box.right]) for row in rows]
    items = untagged(lines, likely=in_dialog)
    if not any(items) and len(rows) > 2:
        items = ["", *untagged(lines[1:], likely=in_dialog)]
    if any(_KEY.fullmatch(item) for item in items):
        return rows  # what follows is the key of each
    return [
        replace(row, text=item, called=(row.text, *row.called), tag=tag_of(line) if in_dialog else "") if item else row
        for row, item, line in zip(rows, items, lines, strict=True)
    ]
