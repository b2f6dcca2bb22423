"""Which key, with which modifiers, gives a character on the keyboard layout of a display. Pure.

The server tells the core mapping: for each keycode a row of keysyms. With XKB, the row holds group 1 level 1 and 2, group
2 level 1 and 2, group 1 level 3 and 4, group 2 level 3 and 4 (X Keyboard Extension, protocol specification, section
12.4). Levels 2, 3 and 4 are reached by Shift, by AltGr (ISO_Level3_Shift), and by both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opsagent_tools.gui.hands.keysyms import LEVEL3, char_of, keysym_of, keysym_of_char

_COLUMNS = ((0, 1, 4, 5), (2, 3, 6, 7))
"""Of the levels 1 to 4, by group."""
_KEYPAD = range(0xFF80, 0xFFBE)


@dataclass(frozen=True, slots=True)
class Stroke:
    """One key with what must be held down meanwhile."""

    keycode: int
    held: tuple[int, ...] = ()
    """Keycodes of modifiers, in the order in which they are pressed."""


class Layout:
    """The keys of a display as they are now."""

    def __init__(self, first_keycode: int, rows: Sequence[Sequence[int]], group: int = 0) -> None:
        """Read the rows of the core mapping. `group` is the active one, from 0; beyond 1 nothing can be typed."""
        self._where: dict[int, tuple[int, int]] = {}
        self.unused = next((first_keycode + at for at, row in enumerate(rows) if not any(row)), 0)
        """A keycode that nothing is bound to; 0: there is none."""
        self._read(first_keycode, rows, _COLUMNS[group] if group < len(_COLUMNS) else ())

    def stroke(self, char: str) -> Stroke | None:
        """Return how to type a character; None: this layout cannot (not at all, or with a dead key only)."""
        found = self._where.get(keysym_of_char(char))
        return None if found is None else self._with_level(*found)

    def strokes(self, text: str) -> list[Stroke] | None:
        """Return how to type a text; None: not all of it can be typed."""
        found = {char: self.stroke(char) if char.isprintable() else None for char in set(text)}
        strokes = [stroke for char in text if (stroke := found[char]) is not None]
        return strokes if len(strokes) == len(text) else None

    def key(self, name: str) -> Stroke | None:
        """Return how to press a key by its name; None: there is no such name, or no such key."""
        keysym = keysym_of(name)
        found = None if keysym is None else self._where.get(keysym)
        return None if found is None else self._with_level(*found)

    def keycode_of(self, keysym: int) -> int:
        return self._where.get(keysym, (0, 0))[0]

    def _read(self, first: int, rows: Sequence[Sequence[int]], columns: Sequence[int]) -> None:
        for level, column in enumerate(columns):
            for at, row in enumerate(rows):
                only_group = columns[0] != 0 and not any(row[2:4])  # a key that is the same in every group
                keysym = _at(row, _COLUMNS[0][level] if only_group else column)
                if keysym:
                    self._where.setdefault(keysym, (first + at, level))
                    if keysym not in _KEYPAD and (char := char_of(keysym)):
                        self._where.setdefault(keysym_of_char(char), (first + at, level))

    def _with_level(self, keycode: int, level: int) -> Stroke | None:
        held: list[int] = []
        if level in (2, 3):
            held.append(self.keycode_of(LEVEL3))
        if level in (1, 3):
            held.append(self.keycode_of(keysym_of("shift") or 0))
        return Stroke(keycode, tuple(held)) if all(held) else None


def _at(row: Sequence[int], column: int) -> int:
    return row[column] if column < len(row) else 0
