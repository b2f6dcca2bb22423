"""What of a text is looked for by its letters."""

from __future__ import annotations

import pytest

from opsagent_memory import terms


@pytest.mark.parametrize(
    "text",
    [
        "ECONNREFUSED",
        "web-3",
        "/var/log/api.log",
        "api.service",
        "10.0.0.7:5432",
        "handleRequest",
        "NullPointerException",
        "db_main",
        "0x7f3a",
        "v2.14.1",
        "user@host.example",
        "E1042",
    ],
)
def test_what_somebody_named_is_an_identifier(text: str) -> None:
    assert terms.of_text(f"it was {text}, they say")[text.strip("/").lower()] == terms.IDENTIFIER


@pytest.mark.parametrize("word", ["restart", "Memory", "OK", "a.", "done", "it's", "12", "-", "..."])
def test_words_and_marks_are_none(word: str) -> None:
    assert not any(weight == terms.IDENTIFIER for weight in terms.of_text(word).values())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("connect ECONNREFUSED", "[Errno 111] connection refused"),
        ("ENOSPC: write", "no space left on device"),
        ("(os error 24)", "too many open files"),
        ("killed by signal 9", "exited with code 137"),
        ("SIGSEGV", "a segmentation fault"),
        ("502 Bad Gateway", "the proxy answered: status 502"),
        ("OOMKilled", "kernel: Out of memory"),
        ("cert", "the certificates"),
    ],
)
def test_spellings_of_one_thing_share_a_term(one: str, other: str) -> None:
    shared = terms.of_text(one).keys() & terms.of_text(other).keys()
    assert any(term.startswith("=") for term in shared)


def test_the_forms_of_a_word_are_one() -> None:
    for forms in ("restart restarts restarted restarting", "retry retries retried", "drop drops dropped dropping"):
        assert len({terms.stem(word) for word in forms.split()}) == 1, forms


def test_korean_words_meet_whatever_particle_follows() -> None:
    asked, kept = terms.of_text("결제서버가 느려요"), terms.of_text("결제서버를 재시작했다")
    assert {"결제", "제서", "서버"} <= asked.keys() & kept.keys()
    assert "nginx" in terms.of_text("nginx를 다시 띄웠다")


def test_placeholders_and_what_every_text_says_are_left_out() -> None:
    assert terms.of_text("it is the <num> of <path>") == {}


def test_noise_is_bounded() -> None:
    assert terms.of_text("x" * 5000 + "1") == {}
    assert len(terms.of_text(" ".join(f"id-{number}" for number in range(5000)))) <= 600


@pytest.mark.parametrize(
    ("text", "term", "written"),
    [
        ("The session is gone, restarting.", "=http410", "gone"),
        ("The session is gone, restarting.", "restart", "restarting"),
        ("connect: Connection refused by db", "=econnrefused", "connection refused"),
        ("connect ECONNREFUSED", "econnrefused", "econnrefused"),
        ("서버가 재시작", "서버", "서버"),
    ],
)
def test_a_term_is_told_as_the_text_writes_it(text: str, term: str, written: str) -> None:
    assert term in terms.of_text(text)
    assert terms.written(text, term) == written
