"""Tables, numbers and timelines: what they show, and that they escape what others wrote."""

from __future__ import annotations

import pytest

from opsagent.views.numbers import duration, percent, seconds_of, size
from opsagent.views.table import Cell, Column, cells, fit, table
from opsagent.views.terminal import Screen
from opsagent.views.timeline import event_line
from opsagent.views.units import exit_text

PIPE = Screen()
WIDE = Screen(terminal=True, colours=True, width=200)
COLUMNS = (Column("NAME"), Column("COUNT", drop=2, right=True), Column("NOTE", drop=1))


def test_a_pipe_gets_everything_aligned_and_plain() -> None:
    rows = [[Cell("api", "good"), Cell("1"), Cell("x" * 300)], [Cell("결제"), Cell("22"), Cell("")]]
    lines = table(COLUMNS, rows, PIPE)
    assert lines == ["NAME  COUNT  NOTE", f"api       1  {'x' * 300}", "결제     22  -"]
    assert len({cells(line[: line.index("1")]) for line in lines[1:2]}) == 1


@pytest.mark.parametrize("width", [20, 25, 30, 40, 80, 200])
def test_a_terminal_is_never_overrun(width: int) -> None:
    rows = [[Cell("a-rather-long-name"), Cell("123456"), Cell("something to say " * 5)]]
    lines = table(COLUMNS, rows, Screen(terminal=True, width=width))
    assert all(cells(line) <= width for line in lines)
    assert lines[0].startswith("NAME")


def test_columns_go_by_their_rank() -> None:
    rows = [[Cell("n" * 15), Cell("123456"), Cell("note")]]
    assert "COUNT" not in table(COLUMNS, rows, Screen(terminal=True, width=24))[0]
    assert "NOTE" in table(COLUMNS, rows, Screen(terminal=True, width=24))[0]


@pytest.mark.parametrize("hostile", ["\x1b[31mred", "a\nb", "a\tb", "\u202ebad", "[link=http://x]y[/link]", "\x07"])
def test_foreign_text_cannot_move_the_cursor_or_break_lines(hostile: str) -> None:
    (_, line) = table(COLUMNS, [[Cell(hostile), Cell("1"), Cell("")]], WIDE)
    assert not set(line) & set("\x1b\n\t\u202e\x07")
    assert not set(event_line({"kind": hostile, "text": hostile, "unit": hostile}, PIPE)) & set("\x1b\n\t\u202e\x07")


def test_colours_only_where_there_are_some() -> None:
    cell = [[Cell("api", "bad"), Cell("1"), Cell("")]]
    assert "\x1b[31mapi\x1b[0m" in table(COLUMNS, cell, WIDE)[1]
    assert "\x1b" not in "".join(table(COLUMNS, cell, Screen(terminal=True, colours=False, width=80)))


def test_fit_counts_wide_characters() -> None:
    assert fit("결제서비스", 6) == "결제…"
    assert cells(fit("결제서비스", 6)) <= 6
    assert fit("short", 6) == "short"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.04, "0.0s"),
        (3.21, "3.2s"),
        (42.0, "42s"),
        (61, "1m 1s"),
        (3600, "1h"),
        (90061, "1d 1h"),
        (-1, "0.0s"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86400), ("1h30m", 5400)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "2 hours", "-5m", "5x", "m5", "1.5h", "٣m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds_of(text)


def test_sizes_shares_and_ends() -> None:
    assert [size(None), size(0), size(1536), size(5 * 1024**2), size(3 * 1024**5)] == [
        "-",
        "0B",
        "2K",
        "5.0M",
        "3072.0T",
    ]
    assert [percent(None), percent(0.1234)] == ["-", "12.3%"]
    assert [exit_text(3), exit_text(-9), exit_text(-200)] == [
        "exit code 3",
        "killed by SIGKILL",
        "killed by signal 200",
    ]


def test_an_event_is_one_line() -> None:
    item = {"at": "2026-01-02T03:04:05+00:00", "kind": "opened", "unit": "circus:api@box", "text": "api hangs"}
    assert event_line(item, PIPE) == "03:04:05Z  opened          api         api hangs"
