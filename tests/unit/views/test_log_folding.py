"""What the lines of services look like when those that say the same are folded."""

from __future__ import annotations

import pytest

from opsagent.answering.log_lines import LogLine
from opsagent.cli.log_folding import FoldedLines
from opsagent.cli.output import Out

ERROR = ["Error: cannot read order 17", "    at read (/srv/app.js:3:5)", "    at main (/srv/app.js:9:1)"]


@pytest.fixture
def folded(capsys: pytest.CaptureFixture[str]) -> FoldedLines:
    return FoldedLines(Out(as_json=False))


def shown(folded: FoldedLines, lines: list[str], capsys: pytest.CaptureFixture[str], source: str = "a") -> list[str]:
    for line in lines:
        folded.take(source, "api | ", LogLine("app.log", line))
    folded.end()
    return capsys.readouterr().out.splitlines()


def test_a_trace_is_folded_as_a_whole_and_the_last_of_it_is_shown(
    folded: FoldedLines, capsys: pytest.CaptureFixture[str]
) -> None:
    again = ["Error: cannot read order 18", *ERROR[1:]]
    assert shown(folded, ERROR + again, capsys) == [
        "×2  api | Error: cannot read order 18",
        "api |     at read (/srv/app.js:3:5)",
        "api |     at main (/srv/app.js:9:1)",
    ]


def test_stamps_and_parameters_do_not_keep_lines_apart(folded: FoldedLines, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"2026-11-28T12:00:0{at}Z INFO served /users/{at} in {at}.5 ms" for at in range(9)]
    assert shown(folded, lines, capsys) == ["×9  api | 2026-11-28T12:00:08Z INFO served /users/8 in 8.5 ms"]


def test_what_controls_a_terminal_is_shown_and_not_done(
    folded: FoldedLines, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(folded, ["\x1b[2Jgone"], capsys) == ["api | \\x1b[2Jgone"]


def test_nothing_is_held_back_for_longer_than_a_moment(folded: FoldedLines, capsys: pytest.CaptureFixture[str]) -> None:
    for at, word in enumerate(("one", "two", "three", "four", "five", "six", "seven")):
        folded.take("a", "", LogLine("app.log", f"{word} {'x' * at}"))
        folded.settle()
    assert len(capsys.readouterr().out.splitlines()) == 6
