"""What recognised text says: equal to what was typed or not, signs that are no text, fields for secrets."""

from __future__ import annotations

import pytest

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.equivalence import (
    nearly_when_read,
    part_when_read,
    quite_another,
    same_when_read,
    without_unit,
)
from opsagent_tools.gui.pixels.words import (
    Text,
    has_words_of_others,
    in_reading_order,
    is_lone_sign,
    is_masked,
    stray_ends,
    whole_sentences,
    without_low_digits,
)
from opsagent_tools.gui.secret_words import asks_for_secret


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("O0lI1|", "00111|"),
        ("Ada Lovelace", "AdaLovelace"),
        ("a–b ‘c’", "a-b 'c'"),
        ("VOX", "vox"),
        ("값 1", "값1"),
        ("10.1.2.3", "10_.1_.2_.3_"),
    ],
)
def test_what_pictures_do_not_show_makes_no_difference(typed: str, read: str) -> None:
    assert same_when_read(typed, read)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("5432", "5433"),
        ("port 80", "port 8"),
        ("srv-7", "srv-1"),
        ("backup", "backupl"),
        ("e5", "es"),
        ("a.b", "a,b"),
        ("", "x"),
    ],
)
def test_another_sign_is_another_text(typed: str, read: str) -> None:
    assert not same_when_read(typed, read)


def test_a_misreading_is_told_from_another_text() -> None:
    assert nearly_when_read("db1.example.org", "Ib1.example.org|")
    assert nearly_when_read("backup", "backupl")
    assert nearly_when_read("10.1.2.3", "10_.1_2_3_"), "a mask of input"
    assert not nearly_when_read("5432", "9876")
    assert not nearly_when_read("backup", "")
    assert part_when_read("a long text that a narrow field does not show", "field does not show")
    assert not part_when_read("a long text", "long tent")
    assert part_when_read("db1.example.org", "£xample.org"), "its first letter is cut"
    assert quite_another("2026-03-04", "01/02/233")
    assert not quite_another("db1.example.org", "dbl example org")
    assert not quite_another("42", "?")


def test_a_number_is_read_without_its_unit() -> None:
    assert [without_unit(read, "ms") for read in ("2500 ms", "2500ms|", "2500")] == ["2500"] * 3
    assert without_unit("$ 3.75", "s") == "3.75"
    assert without_unit("12 seconds", "ms") == "12 seconds"
    assert without_unit("2500 ms", "") == "2500 ms"


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("易File", (1, 0)), ("易 Snap", (2, 0)), ("Name▼", (0, 1)), ("File", (0, 0)), ("파일", (0, 0)), ("日 本", (0, 0)),
        ("x²", (0, 0)), ("✓ Use TLS", (2, 0)), ("Größe", (0, 0)),
    ],
)  # fmt: skip
def test_pictures_beside_words_are_cut_off(text: str, ends: tuple[int, int]) -> None:
    assert stray_ends(text) == ends


def test_signs_and_words_of_other_scripts() -> None:
    assert [is_lone_sign(one) for one in ("十", "+", "十二", "a")] == [True, False, False, False]
    assert [has_words_of_others(one) for one in ("十", "파일", "日本 2", "File")] == [False, True, True, False]


def test_fields_for_secrets_are_known_by_their_label_or_their_bullets() -> None:
    assert all(asks_for_secret(one) for one in ("Password:", "API key", "PIN", "비밀번호", "Kennwort", "Mot de passe"))
    assert not any(asks_for_secret(one) for one in ("Pinned", "Host", "Compass", "Passive mode"))
    assert is_masked("••••••")
    assert is_masked("* * * *")
    assert not is_masked("10.0.0.1")


def test_a_comma_that_is_read_as_a_digit_is_none() -> None:
    digits = [Text(Box(40 * n, 10, 6, 9), str(n), 1.0, 9) for n in range(5)]
    comma, word = Text(Box(0, 60, 2, 4), "1", 0.9, 4), Text(Box(40, 60, 20, 5), "sum", 1.0, 5)
    assert without_low_digits([*digits, comma, word]) == [*digits, word]
    assert without_low_digits([comma, word]) == [comma, word]


def test_words_of_a_sentence_in_the_first_row_are_one_text_and_menus_are_several() -> None:
    def at(left: int, text: str) -> Text:
        return Text(Box(left, 4, 7 * len(text), 10), text, 0.99, 10)

    asked = [at(5, "Really"), at(53, "do"), at(75, "it?")]
    assert [one.text for one in whole_sentences(asked, 16)] == ["Really do it?"]
    assert [one.text for one in whole_sentences([at(5, "File"), at(40, "Edit"), at(90, "view")], 16)] == [
        "File", "Edit", "view",
    ]  # fmt: skip
    assert len(whole_sentences(asked, 0)) == 3


def test_texts_of_one_row_are_read_from_left_to_right_whatever_their_height() -> None:
    first = [Text(Box(4, 12, 40, 8), "open", 0.99, 8), Text(Box(52, 9, 16, 15), "22", 0.9, 15)]
    assert [one.text for one in in_reading_order([Text(Box(4, 30, 9, 10), "x", 0.9, 10), *first])] == [
        "open",
        "22",
        "x",
    ]
