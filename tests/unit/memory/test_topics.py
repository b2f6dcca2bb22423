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
        ("kernel: Killed process 2211 (node)", "killed"),
        ("systemd: start request repeated too quickly", "crash loop"),
        ("the service won’t start any more", "start failure"),
        ("nginx: connect() failed (111: Connection refused) while connecting to upstream", "connection refused"),
        ("users get a 502", "bad gateway"),
        ("df still shows full although I deleted the big log", "deleted file held"),
        ("FATAL: sorry, too many clients already", "too many connections"),
        ("somebody does not give the connections back", "pool"),
        ("both servers thought they were master", "split brain"),
        ("why did we hear of it from users first", "alert missing"),
        ("the key was pasted with a newline", "whitespace"),
    ],
)
def test_it_is_found_in_programs_and_peoples_words(said: str, topic: str) -> None:
    assert topic in spoken_of(said)


@pytest.mark.parametrize("said", ["cannot start", "can't start", "can’t start", "never started", "it would not start"])
def test_a_denial_is_a_denial_whatever_its_words(said: str) -> None:
    assert topics.of_text(said) == topics.of_text("does not start")


@pytest.mark.parametrize(
    ("said", "topic"),
    [
        ("the file", "disk full"),
        ("stale", "hang"),
        ("the cores", "cors"),
        ("http://example.com", "tls"),
        ("orders", "ordering"),
        ("they noted it: start", "start failure"),
        ("it resolves the issue", "dns"),
        ("in the past", "whitespace"),
        ("a night in March", "job"),
    ],
)
def test_a_word_with_the_same_stem_is_not_taken_for_it(said: str, topic: str) -> None:
    assert topic in topics.names()
    assert topic not in spoken_of(said)


def test_what_speaks_of_nothing_known_has_no_topic() -> None:
    assert topics.of_text("the quick brown fox") == 0
    assert topics.of_text("again, in the end the page was gone, as things are at times") == 0
    assert topics.of_text("") == 0


def test_every_form_says_something() -> None:
    assert all(topics.of_text(form) >> place & 1 for place, (_, forms) in enumerate(topics._listed()) for form in forms)


def test_all_topics_fit() -> None:
    assert len(topics.names()) == len(set(topics.names())) <= 8 * topics.MOST_BYTES


def test_a_rare_topic_says_more_than_a_common_one_and_nothing_says_more_than_the_most() -> None:
    leak, start = (1 << topics.names().index(name) for name in ("leak", "start"))
    weighed = weighing.weights([start] * 90 + [leak | start] * 2 + [0] * 8)
    assert 0 <= weighing.bonus(start, weighed) < weighing.bonus(leak, weighed) < weighing.MOST
    assert weighing.bonus(leak | start, weighed) >= weighing.bonus(leak, weighed)
    assert weighing.bonus(0, weighed) == 0


def test_among_texts_about_something_else_topics_say_nothing() -> None:
    leak = 1 << topics.names().index("leak")
    weighed = weighing.weights([leak] * 3 + [0] * 7)
    assert weighing.bonus(leak, weighed) == 0
