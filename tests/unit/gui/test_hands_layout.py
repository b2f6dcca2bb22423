"""Which key gives which character, on layouts as X servers tell them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent_tools.gui.hands.keysyms import LEVEL3, char_of, keysym_of, keysym_of_char, name_of
from opsagent_tools.gui.hands.layout import Layout, Stroke

SHIFT_L, ALT_L, CONTROL_L = 0xFFE1, 0xFFE9, 0xFFE3
DEAD_CIRCUMFLEX = 0xFE52


def rows(*keys: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Rows of keycodes from 10: the modifiers first."""
    return [(SHIFT_L, 0), (LEVEL3, 0), (CONTROL_L, 0), *keys]


def of(*text: str) -> tuple[int, ...]:
    return tuple(keysym_of_char(char) if char else 0 for char in text)


GERMAN = rows(of("y", "Y"), of("<", ">", "", "", "|"), (DEAD_CIRCUMFLEX, ord("°")), of("q", "Q", "", "", "@", "Ω"))


def test_levels_are_reached_by_shift_and_altgr() -> None:
    layout = Layout(10, GERMAN)
    assert layout.stroke("y") == Stroke(13)
    assert layout.stroke("Y") == Stroke(13, (10,))
    assert layout.stroke("<") == Stroke(14), "no guess by what a US keyboard would need"
    assert layout.stroke(">") == Stroke(14, (10,))
    assert layout.stroke("|") == Stroke(14, (11,))
    assert layout.stroke("Ω") == Stroke(16, (11, 10))


def test_a_dead_key_types_nothing_by_itself() -> None:
    layout = Layout(10, GERMAN)
    assert layout.stroke("^") is None
    assert layout.strokes("y^") is None
    assert layout.strokes("y°") == [Stroke(13), Stroke(15, (10,))]


def test_without_the_modifier_a_level_cannot_be_reached() -> None:
    assert Layout(10, [(SHIFT_L,), of("<", ">", "", "", "|")]).stroke("|") is None


def test_the_second_group_is_typed_while_it_is_active() -> None:
    cyrillic = rows(of("q", "Q", "й", "Й"), (keysym_of("return") or 0,))
    assert Layout(10, cyrillic, group=1).stroke("Й") == Stroke(13, (10,))
    assert Layout(10, cyrillic, group=1).stroke("q") is None
    assert Layout(10, cyrillic, group=1).key("return") == Stroke(14)
    assert Layout(10, cyrillic, group=0).stroke("Й") is None
    assert Layout(10, cyrillic, group=2).stroke("q") is None, "told by the core protocol for two groups only"


def test_digits_are_typed_by_their_own_keys() -> None:
    keypad = keysym_of("kp_1") or 0
    layout = Layout(10, rows((keypad,), of("1", "!")))
    assert layout.stroke("1") == Stroke(14), "what the keypad gives depends on Num Lock"
    assert layout.key("kp_1") == Stroke(13)


def test_what_would_be_a_command_is_not_typed() -> None:
    layout = Layout(10, rows((keysym_of("return") or 0,), (keysym_of("tab") or 0,), of("a", "A")))
    for text in ("a\n", "a\t", "\x03", "\x1b"):
        assert layout.strokes(text) is None


@pytest.mark.parametrize(
    ("name", "keysym"),
    [("ctrl", CONTROL_L), ("alt", ALT_L), ("Return", 0xFF0D), ("enter", 0xFF0D), ("page_up", 0xFF55), ("F5", 0xFFC2),
     ("plus", 0x2B), ("+", 0x2B), ("S", 0x73), ("hyperspace", None), ("", None)],
)  # fmt: skip
def test_names_of_keys(name: str, keysym: int | None) -> None:
    assert keysym_of(name) == keysym


@given(st.characters(min_codepoint=0x20, exclude_categories=("Cs", "Cc", "Cn", "Co")))
def test_a_character_is_its_keysym(char: str) -> None:
    assert char_of(keysym_of_char(char)) == char


def test_names_are_read_as_they_are_told() -> None:
    for name in ("backspace", "f12", "page_down", "kp_5", "plus", "space", "a", "ctrl", "altgr", "é"):
        keysym = keysym_of(name)
        assert keysym is not None
        assert name_of(keysym) == name
