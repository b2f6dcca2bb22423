"""A row that a list does not show is leafed to; where it never comes, the highlight is back where it was."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from opsagent_tools.gui.terminal.reading.elements import Reading, read_screen
from opsagent_tools.gui.terminal.scrolling import brought, goes_on
from opsagent_tools.gui.terminal.vt import Emulator

_LIT, _PLAIN, _HIDDEN = "\x1b[7m", "\x1b[0m", "\x1b[?25l"
_SHOWN = 4


class _Menu:
    """A list of many rows in a dialog, as newt draws one."""

    def __init__(self, rows: int, *, pages: bool, wraps: bool) -> None:
        self.rows = [f"Item {chr(97 + at)}{chr(97 + at)}" for at in range(rows)]
        self.at, self.top = 2, 0
        self._pages, self._wraps = pages, wraps

    async def press(self, keys: Sequence[str]) -> Reading:
        step = {"down": 1, "up": -1, "page_down": _SHOWN - 1, "page_up": 1 - _SHOWN}
        for key in keys:
            to = self.at + (step[key] if self._pages or "page" not in key else 0)
            self.at = to % len(self.rows) if self._wraps else min(max(to, 0), len(self.rows) - 1)
            self.top = min(max(self.top, self.at - _SHOWN + 1), self.at)
        return self.shown()

    def shown(self) -> Reading:
        emulator = Emulator(40, 12)
        lines = [f"┌{'─' * 24}┐"]
        for at, name in enumerate(self.rows[self.top : self.top + _SHOWN], self.top):
            lit = (_LIT, _PLAIN) if at == self.at else ("", "")
            lines.append(f"│ {lit[0]}{name.ljust(16)}{lit[1]} {'▮' if at == self.at else '▒'}     │")
        lines += [f"│{' ' * 24}│", "│    <Ok>    <Cancel>    │", f"└{'─' * 24}┘"]
        emulator.feed((_HIDDEN + "\r\n".join(lines)).encode())
        return read_screen(emulator.cells())


def _shows(reading: Reading, name: str) -> bool:
    return any(one.name == name for one in reading.elements)


@pytest.mark.parametrize(("pages", "wraps"), [(True, False), (False, True)])
def test_a_row_below_or_above_is_brought_into_view(pages: bool, wraps: bool) -> None:
    for start, name in ((2, "Item hh"), (7, "Item aa")):
        menu = _Menu(8, pages=pages, wraps=wraps)
        menu.at, menu.top = start, max(0, start - _SHOWN + 1)
        assert goes_on(menu.shown())
        found = asyncio.run(brought(menu.press, menu.shown(), lambda now, name=name: _shows(now, name)))  # type: ignore[misc]
        assert found is not None
        assert _shows(found, name)


@pytest.mark.parametrize(("pages", "wraps"), [(True, False), (False, True)])
def test_what_never_comes_leaves_the_highlight_where_it_was(pages: bool, wraps: bool) -> None:
    menu = _Menu(8, pages=pages, wraps=wraps)
    assert asyncio.run(brought(menu.press, menu.shown(), lambda now: False)) is None
    assert menu.rows[menu.at] == "Item cc"


def test_a_list_without_a_scroll_bar_has_no_more_rows() -> None:
    emulator = Emulator(40, 8)
    emulator.feed(
        f"{_HIDDEN}┌──────────┐\r\n│ {_LIT}One      {_PLAIN}│\r\n│ Two      │\r\n│<Ok>      │\r\n└──────────┘".encode()
    )
    assert not goes_on(read_screen(emulator.cells()))


def test_no_keys_go_to_a_list_that_cannot_be_used() -> None:
    shown = _Menu(8, pages=True, wraps=False).shown()
    behind = tuple(replace(one, states=one.states - {"enabled"}) for one in shown.elements)
    assert goes_on(shown)
    assert not goes_on(replace(shown, elements=behind))
