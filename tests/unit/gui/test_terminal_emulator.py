"""Bytes of a terminal → cells, names of keys → bytes, and back. What real programs send, and what pyte alone gets wrong."""

from __future__ import annotations

import pytest

from opsagent_tools.gui.port import ScreenError
from opsagent_tools.gui.terminal.keys import bytes_of
from opsagent_tools.gui.terminal.pressed import pressed
from opsagent_tools.gui.terminal.terminfo import keys_of
from opsagent_tools.gui.terminal.vt import Emulator


def _shown(*sent: bytes, size: tuple[int, int] = (20, 4)) -> Emulator:
    emulator = Emulator(*size)
    for piece in sent:
        emulator.feed(piece)
    return emulator


def _line(*sent: bytes, row: int = 0) -> str:
    return _shown(*sent).cells().text(row).rstrip()


def test_lines_of_vt100_are_drawn_while_text_is_utf8() -> None:
    assert _line("\x1b(0lqk\x1b(B 가".encode()) == "┌─┐ 가"
    assert _line(b"\x1b)0\x0elqk\x0f l") == "┌─┐ l"


def test_a_repeated_character_is_repeated() -> None:
    assert _line(b"-\x1b[5b|") == "------|"


def test_what_is_not_known_is_not_drawn() -> None:
    told = b"\x1b[>4;2m\x1b[!p\x1bP1$tx\x1b\\\x1b[?12h\x1b[4:3mok\x1b]0;title\x07"
    cells = _shown(told).cells()
    assert cells.text(0).strip() == "ok"
    assert cells.title == "title"
    assert not _shown(b"\x1b[>4;2mplain").cells().rows[0][0].style.underline


@pytest.mark.parametrize("at", range(1, 24))
def test_sequences_that_come_in_two_pieces(at: int) -> None:
    whole = "\x1b[1;3H\x1b[7m한글\x1b[0m\x1b]2;t\x1b\\x".encode()
    cells = _shown(whole[:at], whole[at:]).cells()
    assert cells.text(0).strip() == "한글x"
    assert cells.rows[0][2].style.reverse
    assert cells.title == "t"


def test_the_second_screen_gives_back_the_first() -> None:
    emulator = _shown(b"before\x1b[?1049h\x1b[H\x1b[2Jdialog")
    assert emulator.cells().alternate
    assert emulator.cells().text(0).strip() == "dialog"
    emulator.feed(b"\x1b[?1049l")
    assert emulator.cells().text(0).strip() == "before"


def test_wide_characters_take_two_columns_and_wrap_whole() -> None:
    cells = _shown("123456789012345678a한".encode()).cells()
    assert cells.text(1).strip() == "한"
    assert (cells.rows[1][0].char, cells.rows[1][1].char) == ("한", "")
    assert _line("e\u0301👩\u200d💻x".encode()).endswith("x")


def test_erasing_takes_the_background_of_now() -> None:
    cells = _shown(b"\x1b[44m\x1b[2J").cells()
    assert {cell.style.bg for row in cells.rows for cell in row} == {"blue"}


def test_a_program_that_asks_is_answered() -> None:
    assert Emulator(20, 4).feed(b"ab\x1b[6n\x1b[c") == b"\x1b[1;3R\x1b[?6c"


def test_scrolling_stays_between_the_margins() -> None:
    cells = _shown(b"a\r\nb\r\nc\r\nd\x1b[2;3r\x1b[S").cells()
    assert [cells.text(row).strip() for row in range(4)] == ["a", "c", "", "d"]


def test_a_caret_that_blinks_changes_no_digest() -> None:
    emulator = _shown(b"\x1b[?25labc")
    before = emulator.cells().digest
    emulator.feed(b"\x1b[2;2H")
    assert emulator.cells().digest == before
    emulator.feed(b"\x1b[?25h")
    assert emulator.cells().digest != before


@pytest.mark.parametrize(
    ("keys", "term", "application", "sent"),
    [
        (("up",), "vt100", False, b"\x1b[A"),
        (("up",), "vt100", True, b"\x1bOA"),
        (("ctrl", "s"), "xterm", False, b"\x13"),
        (("alt", "x"), "xterm", False, b"\x1bx"),
        (("shift", "tab"), "xterm-256color", False, b"\x1b[Z"),
        (("return",), "linux", False, b"\r"),
        (("f9",), "vt100", True, b"\x1bOw"),
        (("f1",), "linux", False, b"\x1b[[A"),
        (("ctrl", "right"), "xterm-256color", False, b"\x1b[1;5C"),
    ],
)
def test_keys_are_sent_as_the_terminal_sends_them(
    keys: tuple[str, ...], term: str, application: bool, sent: bytes
) -> None:
    if not keys_of(term):
        pytest.skip(f"this machine's terminfo does not know {term}")
    assert bytes_of(keys, term, application_cursor=application) == sent


def test_a_key_that_the_terminal_lacks_is_never_sent() -> None:
    if not keys_of("vt100"):
        pytest.skip("this machine's terminfo does not know vt100")
    with pytest.raises(ScreenError, match="has no key end"):  # its first byte would be taken for Escape
        bytes_of(("end",), "vt100")
    with pytest.raises(ScreenError):
        bytes_of(("ctrl", "alt"), "xterm")


def test_what_a_person_presses_is_named() -> None:
    heard = list(
        pressed("ab 가\r\x1bOB\x1b[6;1R\x1b[<0;5;3M\x1b[<0;5;3m\x13\x1b[200~p q\x1b[201~".encode(), "xterm-256color")
    )
    assert [(one.text, one.keys, one.click) for one in heard] == [
        ("ab 가", (), None), ("", ("return",), None), ("", ("down",), None), ("", (), (4, 2)), ("", (), None),
        ("", ("ctrl", "s"), None), ("p q", (), None),
    ]  # fmt: skip
