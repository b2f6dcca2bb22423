"""Bars of menus and of function keys, and numbered choices above a prompt."""

from __future__ import annotations

import re

from opsagent_tools.gui.terminal.reading.layout import Layout, Strip, box_of
from opsagent_tools.gui.terminal.reading.widgets import Found
from opsagent_tools.gui.terminal.reading.words import tidy

_FUNCTION_KEY = re.compile(r"(?<!\d)F?(?P<number>1[0-2]|[1-9])\s?(?P<name>[^\W\d_][^\d]*?)?(?=\s*(?:F?\d|$))")
_ONLY_KEYS = re.compile(r"\s*(?:F(?:1[0-2]|[1-9])\s?[^\W\d_][^\d]*?\s*)+")
_SHORTCUT = re.compile(
    r"(?:(?<=\s)|^)(?P<key>\^[A-Z@\[\\\]^_/]|M-\S)\s(?P<name>\S.*?)(?=\s+(?:\^[A-Z@\[\\\]^_/]|M-\S)\s|\s*$)"
)
_CHOICE = re.compile(
    r"(?:^\s*|(?<=\s{2}))(?:\[(?P<square>\w{1,3})\]|\((?P<round>\w{1,3})\)|(?P<bare>\d{1,3}|[A-Za-z])\s?[).:\-])\s+"
    r"(?P<name>\S.*?)(?=\s{2,}(?:\[\w{1,3}\]|\(?\w{1,3}\s?[).:])\s|\s*$)"
)
_ASKS = re.compile(
    r"choose|choice|select|pick|option|menu|number|which|enter|command|action|\d\s*[-–~/.]+\s*\d|선택|번호|메뉴|입력|選択|番号|选择|選擇|编号"
    r"|auswahl|wähl|choix|choisi|elija|elige|opci|scegli|scelta|escolh|opç|kies|välj",
    re.IGNORECASE,
)
_ANSWERED = re.compile(r"[:?>#\])]\s+\S+\s*$")
"""A prompt that was answered: what is above it is asked no more."""
_WORD = re.compile(r"\S+(?: \S+)*")
_GAP_ROWS = 3


def function_keys(layout: Layout) -> list[Found]:
    """Return what a bar of function keys at the foot names (`1Help 2Menu`, `F1Help`), and `^X Exit`."""
    found: list[Found] = []
    cells = layout.cells
    for row in range(max(0, cells.height - 3), cells.height):
        line = "".join(char if layout.owner(at, row) == -1 else " " for at, char in enumerate(cells.lines[row]))
        keys = list(_FUNCTION_KEY.finditer(line))
        numbers = [int(one["number"]) for one in keys]
        enough = len(numbers) >= 3 or (numbers and _ONLY_KEYS.fullmatch(line))
        if row == cells.height - 1 and enough and numbers == sorted(set(numbers)):
            named = ((one, tidy(one["name"] or "")) for one in keys)
            found += [_key(row, one.start(), one.end(), name, f"f{one['number']}") for one, name in named if name]
            continue
        shortcuts = list(_SHORTCUT.finditer(line))
        if len(shortcuts) >= 2:
            found += [_key(row, one.start(), one.end(), tidy(one["name"]), _shortcut(one["key"])) for one in shortcuts]
    return found


def _key(row: int, left: int, right: int, name: str, key: str) -> Found:
    return Found(role="button", name=name, box=box_of(row, left, right), owner=-1, actions=(f"key:{key}",))


def _shortcut(shown: str) -> str:
    return f"ctrl+{shown[1].lower()}" if shown.startswith("^") else f"alt+{shown[2].lower()}"


def menu_bar(layout: Layout) -> list[Found]:
    """Return the menus of a bar in the first row: three words or more, on another ground than what is below."""
    cells = layout.cells
    if cells.height < 3:
        return []
    line = cells.lines[0]
    words = list(_WORD.finditer(line))
    ground = _ground(layout, 0, cells.width)
    other = ground != layout.ground(-1) or ground != cells.rows[1][0].style.shown[1]
    if len(words) < 3 or not other or any(len(one.group().split()) > 2 for one in words):
        return []
    grounds = [_ground(layout, one.start(), one.end()) for one in words]
    usual = max(set(grounds), key=grounds.count)
    lit = [one for one, ground in zip(words, grounds, strict=True) if ground != usual]
    return [
        Found(
            role="menu", name=tidy(one.group()), box=box_of(0, one.start(), one.end()), owner=-1,
            lit=len(lit) == 1 and one is lit[0],
        )
        for one in words
    ]  # fmt: skip


def _ground(layout: Layout, left: int, right: int) -> str:
    shown = [cell.style.shown[1] for cell in layout.cells.rows[0][left:right]]
    return max(set(shown), key=shown.count)


def choices(layout: Layout, prompt: Found | None) -> list[Found]:
    """Return the numbered choices above a prompt: the nearest block of rows of the kind `2) Restart`."""
    if prompt is None or prompt.secret or not _asks_for_choice(prompt):
        return []
    found: list[Found] = []
    gap = 0
    for row in range(prompt.box.top - 1, -1, -1):
        strip = Strip(-1, row, 0, layout.cells.width)
        marks = list(_CHOICE.finditer(layout.line(strip))) if layout.owner(0, row) < 0 else []
        if not marks:
            gap += 1
            if (found and gap > 1) or gap > _GAP_ROWS or (not found and _ANSWERED.search(layout.line(strip))):
                break
            continue
        gap = 0
        found += [_choice(row, mark) for mark in marks]
    return list(reversed(found)) if len(found) > 1 else []


def _choice(row: int, mark: re.Match[str]) -> Found:
    key = mark["square"] or mark["round"] or mark["bare"]
    box = box_of(row, mark.start(), mark.end())
    return Found(role="menu item", name=tidy(mark["name"]), owner=-1, actions=(f"type:{key}",), box=box)


def _asks_for_choice(prompt: Found) -> bool:
    """The prompt asks for one of several, in so many words or in a sign only (`#?`)."""
    return len(prompt.name) <= 3 or bool(_ASKS.search(prompt.name))
