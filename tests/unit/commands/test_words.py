"""Tokens, distances, and characters that are not what they look like."""

from __future__ import annotations

import pytest

from opsagent.commands.words import Token, distance, nearest, suspicious, tokenize


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("restart web", ["restart", "web"]),
        ("restart web, please!", ["restart", "web", ",", "please", "!"]),
        ("don't do it", ["don't", "do", "it"]),
        ("a.b-c:d@e?", ["a.b-c:d@e", "?"]),
        ("  ", []),
    ],
)
def test_words_and_marks(text: str, words: list[str]) -> None:
    assert [token.text for token in tokenize(text)] == words


@pytest.mark.parametrize("quoted", ['"a b"', "'a b'", "`a b`", "“a b”"])
def test_quoted_pieces_stay_together_and_are_no_vocabulary(quoted: str) -> None:
    assert tokenize(f"find {quoted}") == (Token("find"), Token("a b", quoted=True))
    assert Token("restart", quoted=True).word == ""


@pytest.mark.parametrize(
    ("one", "other", "far"), [("web", "web", 0), ("wbe", "web", 1), ("wb", "web", 1), ("webb", "web", 1), ("", "web", 3), ("abc", "xyz", 3)]
)  # fmt: skip
def test_distance(one: str, other: str, far: int) -> None:
    assert distance(one, other) == distance(other, one) == far


def test_nearest_names() -> None:
    names = ("gateway", "api", "store")
    assert nearest("gatway", names) == ("gateway",)
    assert nearest("gate", names) == ("gateway",)
    assert nearest("zzz", names) == ()


@pytest.mark.parametrize("text", ["restаrt", "web\u200b", "\u202eweb", "ｗｅｂ", "wéb", "web\x07", "a\nb"])
def test_suspicious(text: str) -> None:
    assert suspicious(text)


@pytest.mark.parametrize("text", ["restart web-1.2_3", "api를 50줄", "“quoted” — fine…", "a\tb", "100% sure!"])
def test_not_suspicious(text: str) -> None:
    assert suspicious(text) == ""
