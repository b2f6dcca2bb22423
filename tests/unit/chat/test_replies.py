"""Short answers count only as a whole."""

from __future__ import annotations

import io

import pytest

from opsagent.chat.lines import _LONGEST, _lines, _meant
from opsagent.chat.replies import Reply, is_no, is_yes, one_text, reply_of


@pytest.mark.parametrize(
    "text",
    [
        "y",
        "Yes",
        "yes!",
        "OK.",
        "do it",
        "yes, do it",
        "go ahead",
        "네",
        "네.",
        "예",
        "응",
        "그래",
        "해줘",
        "진행해 주세요",
    ],
)
def test_a_yes(text: str) -> None:
    assert is_yes(text)
    assert not is_no(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "yes?",
        "yes, and stop web",
        "yes but not web",
        "yesterday",
        "y n",
        "ye",
        "네?",
        "네 아니요",
        "해줘 web",
        "ㅇㅇㅇ api",
    ],
)
def test_what_is_no_yes(text: str) -> None:
    assert not is_yes(text)


@pytest.mark.parametrize(
    "text", ["n", "no", "No.", "cancel", "never mind", "don’t", "아니요", "아니", "취소", "하지 마", "됐어"]
)
def test_a_no(text: str) -> None:
    assert is_no(text)
    assert not is_yes(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("2.", 2),
        ("#3", 3),
        ("the second one", 2),
        ("first", 1),
        ("2번", 2),
        ("두 번째 거로 해줘", 2),
        ("3번으로 해줘", 3),
    ],
)
def test_a_pick(text: str, number: int) -> None:
    assert reply_of(text) == Reply(kind="pick", number=number)


@pytest.mark.parametrize(
    "text", ["0", "12", "3 workers", "scale web to 2", "2h", "1 2", "restart web", "don't restart web"]
)
def test_other_texts_are_no_short_answers(text: str) -> None:
    assert reply_of(text) is None


def test_a_paste_of_several_lines_is_one_text() -> None:
    assert one_text("restart api\r\n  stop web\n\n") == "restart api stop web"


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("status", "status"),
        ('"status"', "status"),
        ('{"text": "status"}', "status"),
        ('{"answer": "yes"}', "yes"),
        ('{"answer": ""}', ""),
        ('{"interrupt": true}', None),
        ('{"txt": "status"}', '{"txt": "status"}'),
        ("{status", "{status"),
    ],
)
def test_a_line_of_the_protocol_is_a_text_an_answer_or_an_interrupt_and_else_itself(
    line: str, meant: str | None
) -> None:
    assert _meant(line) == meant


def test_a_line_without_an_end_is_one_text_that_is_too_long_and_its_rest_is_none() -> None:
    endless = "x" * (3 * _LONGEST) + " restart web\nstatus\n"
    assert [len(line) for line in _lines(io.StringIO(endless))] == [_LONGEST, len("status\n")]
    assert list(_lines(io.StringIO("a\n\nb"))) == ["a\n", "\n", "b"]
