"""The keyword index: only real hits, in a file that is its owner's alone, and that comes back from the truth."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from opsagent_memory import topics
from opsagent_memory.keywords import MOST, MOST_ALONE, Entry, Hit, KeywordIndex, KeywordsBroken
from opsagent_memory.records import Kind

FACTS = [("s", Kind.FACT)]
TEXTS = [f"the worker of queue {number} was slow and was restarted" for number in range(200)]


def entries(texts: list[str], scope: str = "s", first: int = 1) -> list[Entry]:
    return [Entry(first + number, scope, Kind.FACT, f"key of {text}", text) for number, text in enumerate(texts)]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[KeywordIndex]:
    index = KeywordIndex(tmp_path, "ours")
    yield index
    index.close()


def hits(index: KeywordIndex, question: str, scope: str = "s") -> dict[str, Hit]:
    return {key.removeprefix("key of "): hit for key, hit in index.hits(question, [(scope, Kind.FACT)], ()).items()}


def test_an_identifier_finds_the_text_that_holds_it(index: KeywordIndex) -> None:
    index.take(entries([*TEXTS, "node-17 refused: E1042"]), 201, "mark")
    found = hits(index, "what was E1042 again, on node-17?")
    assert list(found) == ["node-17 refused: E1042"]
    assert set(found["node-17 refused: E1042"].terms) == {"e1042", "node-17", "nod"}
    assert 0.0 < found["node-17 refused: E1042"].bonus <= MOST


def test_what_many_texts_say_is_no_hit(index: KeywordIndex) -> None:
    index.take(entries(TEXTS), 200, "mark")
    assert hits(index, "was the worker slow and restarted") == {}


def test_two_rare_words_say_twice_what_one_says(index: KeywordIndex) -> None:
    index.take(entries([*TEXTS, "gorgonzola", "gorgonzola mascarpone"]), 202, "mark")
    found = hits(index, "mascarpone or gorgonzola")
    assert found["gorgonzola mascarpone"].bonus > 1.9 * found["gorgonzola"].bonus > 0.0


def test_scopes_and_kinds_are_apart(index: KeywordIndex) -> None:
    index.take([*entries(["E1042 here"]), *entries(["E1042 there"], scope="t", first=2)], 2, "mark")
    assert list(hits(index, "E1042")) == ["E1042 here"]
    assert list(hits(index, "E1042", scope="t")) == ["E1042 there"]
    assert index.hits("E1042", [("s", Kind.EPISODE), ("nowhere", Kind.FACT)], ()) == {}


def test_what_is_near_is_told_even_where_many_hold_it(index: KeywordIndex) -> None:
    index.take(entries([f"E1042 for the {number}th time" for number in range(40)] + TEXTS), 240, "mark")
    wanted = "key of E1042 for the 3th time"
    assert wanted not in index.hits("E1042", FACTS, ())
    assert wanted in index.hits("E1042", FACTS, [wanted])


@pytest.mark.parametrize(
    "question", ["", "?!", '"', "NEAR(a b)", "a* OR b", "'); DROP TABLE texts;--", "\0", "~=:", "제"]
)
def test_no_question_is_a_query(index: KeywordIndex, question: str) -> None:
    index.take(entries(["nothing of the kind"]), 1, "mark")
    assert hits(index, question) == {}


def test_it_knows_how_far_it_is_also_in_its_next_life(index: KeywordIndex, tmp_path: Path) -> None:
    assert index.mark() == (0, "")
    index.take(entries(["E1042"]), 7, "key seven")
    index.take(entries(["E1042"]), 8, "key eight")
    index.close()
    again = KeywordIndex(tmp_path, "ours")
    assert again.mark() == (8, "key eight")
    assert list(hits(again, "E1042")) == ["E1042"]
    again.close()


def test_its_file_is_its_owners_alone_and_goes_when_it_is_erased(index: KeywordIndex, tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        index.take(entries(["gorgonzola"]), 1, "mark")
    finally:
        os.umask(umask)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    index.erase()
    assert list(tmp_path.iterdir()) == []
    assert index.mark() == (0, "")


def test_a_file_of_another_memory_is_not_believed(index: KeywordIndex, tmp_path: Path) -> None:
    index.take(entries(["E1042"]), 1, "mark")
    index.close()
    other = KeywordIndex(tmp_path, "theirs")
    with pytest.raises(KeywordsBroken, match="of another memory"):
        other.mark()
    other.erase()
    assert other.mark() == (0, "")
    other.close()


def test_a_file_that_other_topics_were_taken_up_with_is_not_believed(
    index: KeywordIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.take(entries(TEXTS), 200, "mark")
    index.close()
    monkeypatch.setattr(topics, "digest", lambda: "of another list")
    with closing(KeywordIndex(tmp_path, "ours")) as again, pytest.raises(KeywordsBroken, match="of another version"):
        again.mark()


@pytest.mark.parametrize("damage", ["rubbish", "cut", "a table is gone"])
def test_damage_is_told(index: KeywordIndex, tmp_path: Path, damage: str) -> None:
    index.take(entries(TEXTS), 200, "mark")
    index.close()
    file = tmp_path / "keywords.sqlite3"
    if damage == "rubbish":
        file.write_bytes(b"rubbish" * 1000)
    elif damage == "cut":
        os.truncate(file, file.stat().st_size // 2)
    else:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("DROP TABLE texts")
    with pytest.raises(KeywordsBroken):
        index.hits("queue 17", FACTS, ["key of nothing"])


def test_what_cannot_be_written_is_taken_as_a_whole_or_not_at_all(index: KeywordIndex) -> None:
    index.take(entries(["first"]), 1, "one")
    with pytest.raises(KeywordsBroken):
        index.take(entries(["E1042"], first=2), 2, None)  # type: ignore[arg-type]
    assert index.mark() == (1, "one")
    assert hits(index, "E1042") == {}


def test_where_topics_tell_nothing_words_tell_more(index: KeywordIndex) -> None:
    asked, words = "Zanzibar", {}
    for number, (scope, said) in enumerate((("ops", "no space left on device"), ("talk", "we had a lovely walk"))):
        texts = [f"{said}, the {count}. time, in {place}" for count, place in enumerate(["Zanzibar", *["Rome"] * 20])]
        entries = [Entry(number * 100 + at, scope, Kind.FACT, f"{scope}{at}", text) for at, text in enumerate(texts)]
        index.take(entries, number * 100 + 50, "mark")
        words[scope] = index.hits(asked, [(scope, Kind.FACT)], ())[f"{scope}0"].bonus
    assert 0 < words["ops"] < words["talk"] <= MOST_ALONE
