"""What a text speaks of, whatever words it says that with."""

from __future__ import annotations

import pytest

from opsagent_memory import topics
from opsagent_memory.topics import weighing


def spoken_of(text: str) -> set[str]:
    return {topics.names()[place] for place in topics.bits(topics.of_text(text))}


@pytest.mark.parametrize(
    ("said", "topic"),
    [
        ("ENOSPC: no space left on device", "disk full"),
        ("the box ran out of room last night", "disk full"),
        ("디스크가 꽉 찼어요", "disk full"),
        ("worker was OOMKilled", "out of memory"),
        ("the app keeps restarting", "crash loop"),
        ("listen EADDRINUSE: address already in use :::3000", "port taken"),
        ("certificate has expired", "tls"),
        ("certificate has expired", "expired"),
    ],
)
def test_it_is_found_in_programs_and_peoples_words(said: str, topic: str) -> None:
    assert topic in spoken_of(said)


def test_what_speaks_of_nothing_known_has_no_topic() -> None:
    assert topics.of_text("the quick brown fox") == 0
    assert topics.of_text("") == 0


def test_all_topics_fit() -> None:
    assert len(topics.names()) == len(set(topics.names())) <= 8 * topics.MOST_BYTES


def test_a_rare_topic_says_more_than_a_common_one_and_nothing_says_more_than_the_most() -> None:
    leak, start = (1 << topics.names().index(name) for name in ("leak", "start"))
    weighed = weighing.weights([start] * 90 + [leak | start] * 2 + [0] * 8)
    assert 0 <= weighing.bonus(start, weighed) < weighing.bonus(leak, weighed) < weighing.MOST
    assert weighing.bonus(leak | start, weighed) >= weighing.bonus(leak, weighed)
    assert weighing.bonus(0, weighed) == 0
