"""Where text is typed: runs of another colour, underlined or underscored; framed lines; what follows a prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.terminal.cells import Run, read
from opsagent_tools.gui.terminal.reading.frames import LINES
from opsagent_tools.gui.terminal.reading.layout import Layout, Strip, box_of
from opsagent_tools.gui.terminal.reading.widgets import Found
from opsagent_tools.gui.terminal.reading.words import is_masked, label, means_secret, tidy

_UNDERSCORES = re.compile(r"(?P<value>[^_\s:](?:[^_:]|_(?!_))*?)?(?P<rest>_{3,})")
_BRACKETS = re.compile(r"\[(?P<value>[^\[\]<>]*?)(?P<rest>[ _.]{2,})\]")
_PROMPT = re.compile(r"[:?>#$%\])»❯→](?=\s|\u200b|$)")
_HISTORY = re.compile(r"\s*(\[\^\]|\[v\]|[▾▼])\s*$")
"""The mark at the end of a field that has a history."""
_SHORTEST = 3
_MARK = 4
"""So wide is the mark of a history at most."""


def underscored(layout: Layout, strip: Strip) -> list[Found]:
    """Return fields that are written as `____`, with what is typed in them so far, and as `[     ]`."""
    line = layout.line(strip)
    scored = [
        _field(layout, strip, mark.start(), mark.end(), mark["value"] or "") for mark in _UNDERSCORES.finditer(line)
    ]
    return scored or [
        _field(layout, strip, mark.start() + 1, mark.end() - 1, mark["value"])
        for mark in _BRACKETS.finditer(line)
        if len(mark.group()) > 5
    ]


def coloured(layout: Layout, strip: Strip, taken: Sequence[Box]) -> list[Found]:
    """Return fields that are told from their frame by colour or by a line under them."""
    found: list[Found] = []
    for left, right in _bands(layout, strip):
        band = box_of(strip.row, left, right)
        if right - left < _SHORTEST or any(not band.meets(one).empty for one in taken):
            continue
        before = layout.cells.lines[strip.row][strip.left : left]
        named = before.strip()
        if not _is_field(layout, strip, left, right, named):
            continue
        text = layout.cells.text(strip.row, left, right).rstrip(" _")
        found.append(_field(layout, strip, left - strip.left, right - strip.left, text))
    return found


def framed(layout: Layout, index: int) -> Found | None:
    """Return the field that a frame of one row around it is (as dialog draws them)."""
    frame = layout.frames[index]
    if frame.inner.height != 1 or layout.parent(index) < 0 or frame.inner.width < 8:
        return None
    row = frame.inner.top
    text = read(layout.cells.text(row, frame.inner.left, frame.inner.right)).strip()
    above = text_above(layout, layout.parent(index), frame.box.top, frame.box.left)
    named = label(above)
    title = layout.frames[layout.parent(index)].title
    return Found(
        role="text field", name=named, label=named, owner=index, value=text,
        box=frame.inner, secret=is_masked(text) or means_secret(above, title),
    )  # fmt: skip


def prompted(layout: Layout, remembered: str, *, hidden: bool) -> Found | None:
    """Return what is being typed after a prompt: the row where the cursor stands, outside of frames.

    Args:
        layout: of the screen.
        remembered: the prompt as it was before anything was typed; empty: not known.
        hidden: the terminal does not show what is typed.
    """
    cells = layout.cells
    column, row = cells.cursor
    if not cells.cursor_shown or layout.owner(column, row) >= 0:
        return None
    line = cells.lines[row]
    before = line[:column]
    if not before.strip() or line[column:].strip("\u200b \u2502|"):
        return None
    if remembered and before.startswith(remembered):
        end = len(remembered)
    else:
        marks = list(_PROMPT.finditer(before))
        if not marks:
            return None
        end = marks[-1].end()
    prompt, value = before[:end], read(before[end:]).strip()
    named = label(prompt)
    secret = hidden or means_secret(read(prompt))
    return Found(
        role="text field", name=named or tidy(prompt), label=named or tidy(prompt), owner=-1, value=value,
        box=box_of(row, end, cells.width), secret=secret, actions=("prompt",),
    )  # fmt: skip


def at_cursor(layout: Layout, strip: Strip) -> list[Found]:
    """Return the fields of a form that shows none of them (a terminal without colours): those in line with the cursor.

    The cursor stands in a frame, a label to its left; other rows whose label ends with a colon have a field there, too.
    """
    column, _ = layout.cells.cursor
    start = _value_column(layout, strip, column)
    if start is None:
        return _under_label(layout, strip)
    found: list[Found] = []
    for other in _rows_of_form(layout, strip, start):
        line = layout.line(other)
        named = line[: start - other.left].rstrip()
        if not named.endswith(":") and other.row != strip.row:
            continue
        gap = line[len(named) : start - other.left]
        if named.strip() and not gap.strip() and gap:
            text = line[start - other.left :].rstrip()
            found.append(_field(layout, other, start - other.left, other.right - other.left, text))
    return found


def _under_label(layout: Layout, strip: Strip) -> list[Found]:
    """Return the row of the cursor as a field, where the row above is its label."""
    if strip.owner < 0 or strip.row == 0:
        return []
    above = layout.cells.lines[strip.row - 1][strip.left : strip.right]
    if not above.rstrip().endswith((":", "?")) or layout.owner(strip.left, strip.row - 1) != strip.owner:
        return []
    start = len(above) - len(above.lstrip())
    text = layout.line(strip)[start:].rstrip()
    return [_field(layout, strip, start, strip.right - strip.left - 1, text)]


def _rows_of_form(layout: Layout, strip: Strip, start: int) -> Sequence[Strip]:
    """Return the rows of a form: all of a frame; outside of frames those around the cursor that have a label."""
    rows = layout.of(strip.owner)
    if strip.owner >= 0:
        return rows
    at = rows.index(strip)
    first = last = at
    while first > 0 and layout.line(rows[first - 1])[:start].rstrip().endswith(":"):
        first -= 1
    while last + 1 < len(rows) and layout.line(rows[last + 1])[:start].rstrip().endswith(":"):
        last += 1
    below = any(layout.line(one).strip() for one in rows[last + 1 :])
    return rows[first : last + 1] if last > first and (below or last > at or layout.cells.alternate) else ()


def _value_column(layout: Layout, strip: Strip, cursor: int) -> int | None:
    """Return the column where the values of a form begin, from the row of the cursor: after `Label:` and blanks."""
    before = layout.cells.lines[strip.row][strip.left : cursor + 1]
    mark = re.match(r"\s*\S[^:]*:\s+", before)
    return None if mark is None else strip.left + mark.end() - (1 if mark.end() > cursor - strip.left else 0)


def _bands(layout: Layout, strip: Strip) -> list[tuple[int, int]]:
    """Return stretches of neighbouring runs that stand out from their frame, or are underlined."""
    bands: list[tuple[int, int]] = []
    for run in layout.cells.runs(strip.row, strip.left, strip.right):
        if not (layout.stands_out(run.style, strip.owner) or (run.style.underline and _long(run))):
            continue
        last = bands[-1] if bands else None
        if (
            last
            and last[1] == run.left
            and layout.cells.rows[run.row][last[1] - 1].style.shown[1] == run.style.shown[1]
        ):
            bands[-1] = (last[0], run.right)
        elif run.right - run.left > _MARK or not _HISTORY.fullmatch(run.text):
            bands.append((run.left, run.right))
    return bands


def _long(run: Run) -> bool:
    return run.right - run.left >= 2 * _SHORTEST


def _is_field(layout: Layout, strip: Strip, left: int, right: int, named: str) -> bool:
    """Tell a field from the highlighted row of a list: a field has a label and no rows like it around."""
    column, row = layout.cells.cursor
    here = row == strip.row and left <= column <= right
    if named.endswith((":", "=")):
        return True
    if strip.owner < 0 and right - left > layout.cells.width * 3 // 4:
        return False
    above = text_above(layout, strip.owner, strip.row, left) if strip.owner >= 0 else ""
    if here and (means_secret(above) or _typed_there(layout, strip.row, left, right, column)):
        return True
    alone = not named and not _HISTORY.sub("", layout.cells.lines[strip.row][right : strip.right]).strip()
    if alone and above.endswith((":", "?", "=")) and not _row_like_it(layout, strip, left, right, (strip.row + 1,)):
        return True
    if _row_like_it(layout, strip, left, right, (strip.row - 1, strip.row + 1)):
        return False
    if named and layout.bright(strip, strip.left, left) < 0.5:
        return here or not layout.cells.text(strip.row, left, right).strip()
    return bool(above) and here


def _typed_there(layout: Layout, row: int, left: int, right: int, cursor: int) -> bool:
    """The cursor is shown right behind the text of a longer band: that is where one types, and not the row of a list."""
    text = layout.cells.lines[row][left:right].rstrip(" _")
    return layout.cells.cursor_shown and cursor == left + len(text) and cursor < right - 1


def _row_like_it(layout: Layout, strip: Strip, left: int, right: int, rows: Sequence[int]) -> bool:
    """One of `rows` has text that begins where this one's does, and does not stand out."""
    line = layout.cells.lines[strip.row]
    text = line[left:right]
    start = left + len(text) - len(text.lstrip())
    for row in rows:
        if not 0 <= row < layout.cells.height or layout.owner(left, row) != strip.owner:
            continue
        other = layout.cells.lines[row]
        beside = Strip(strip.owner, row, left, right)
        begins = other[start : start + 1]
        if begins.strip() and begins not in LINES and not other[max(left, start - 1) : start].strip():
            return layout.bright(beside, left, right) < 0.5
    return False


def _field(layout: Layout, strip: Strip, start: int, end: int, value: str) -> Found:
    line = layout.line(strip)
    before = line[:start]
    named = label(before.rstrip().split("   ")[-1]) if before.strip() else ""
    above = "" if named else text_above(layout, strip.owner, strip.row, strip.left + start)
    titles = [layout.frames[one].title for one in layout.chain(strip.owner)]
    text = _HISTORY.sub("", read(value)).strip()
    secret = is_masked(text) or means_secret(named or above)
    if not named and not above:
        secret = secret or means_secret(*titles)
    return Found(
        role="text field", name=named or label(above), label=named or label(above), owner=strip.owner, value=text,
        box=box_of(strip.row, strip.left + start, strip.left + end), secret=secret,
    )  # fmt: skip


def text_above(layout: Layout, owner: int, row: int, left: int) -> str:
    """Return the nearest text above a place in its frame, at most two blank rows away."""
    for other in range(row - 1, max(-1, row - 4), -1):
        strips = [
            one for one in layout.strips if one.row == other and one.owner == owner and one.left <= left < one.right
        ]
        if not strips:
            continue
        if text := read(layout.line(strips[0])).strip():
            return text
    return ""
