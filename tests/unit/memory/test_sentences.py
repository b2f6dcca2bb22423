"""A text of several sentences is found by each of them."""

from __future__ import annotations

import numpy as np
import pytest

from opsagent_memory import sentences
from opsagent_memory.exact import ExactShelf

WHOLE, ONE, OTHER = np.eye(3, 4, dtype=np.float32)


def test_a_text_of_one_sentence_has_no_parts() -> None:
    assert sentences.cut("crash of api: exit 1; FATAL lock <path> held by <num>") == []
    assert sentences.cut("") == []


def test_sentences_are_cut_where_they_end_and_short_ones_stay_with_their_neighbour() -> None:
    text = "The disk of db-1 was full at night. Why? A backup had never been deleted by cron.\nWe freed forty gigabytes by hand."
    assert sentences.cut(text) == [
        "The disk of db-1 was full at night. Why?",
        "A backup had never been deleted by cron.",
        "We freed forty gigabytes by hand.",
    ]


def test_many_sentences_share_a_few_vectors_and_lose_no_word() -> None:
    text = " ".join(f"Sentence number {number} says something of its own." for number in range(50))
    parts = sentences.cut(text)
    assert len(parts) <= sentences.MOST
    assert " ".join(parts) == text


def test_the_nearest_sentence_counts_beside_the_whole() -> None:
    vectors = np.stack([WHOLE, ONE, OTHER])
    assert sentences.likeness(vectors, OTHER) == pytest.approx(sentences.SHARE)
    assert sentences.likeness(vectors, WHOLE) == pytest.approx(1.0)
    assert sentences.likeness(vectors[:1], ONE) == 0.0


def test_a_damaged_vector_is_none() -> None:
    assert len(sentences.rows(b"\0" * 15, 4)) == 0
    shelf = ExactShelf(4)
    shelf.add({"damaged": b"\0" * 15, "sound": WHOLE.tobytes()})
    assert shelf.nearest(WHOLE, 5) == {"sound": 1.0}


def test_a_shelf_finds_by_sentences_and_by_wholes_alike() -> None:
    shelf = ExactShelf(4)
    shelf.add({"a": np.stack([WHOLE, ONE]).tobytes(), "b": OTHER.tobytes()})
    shelf.add({"c": ONE.tobytes(), "a": OTHER.tobytes()})
    assert shelf.nearest(ONE, 2) == pytest.approx({"c": 1.0, "a": sentences.SHARE})
    assert list(shelf.nearest(OTHER, 1)) == ["b"]
    assert {key: len(rows) for key, rows in shelf.vectors(["a", "c", "none"]).items()} == {"a": 2, "c": 1}
    shelf.drop(["c", "none"])
    assert list(shelf.nearest(ONE, 1)) == ["a"]
    assert len(shelf) == 2
