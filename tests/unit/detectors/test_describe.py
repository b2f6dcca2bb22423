"""An incident in words: the line for a person, and the durable text that memory knows it by."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from opsagent.detectors.describe import symptom_text
from tests.support.histories import History, service


def crash(history: History) -> None:
    history.error("api", "ValueError: bad <n>")
    history.error("api", "cannot read <path>")
    history.die("api", 1)


def frozen(history: History) -> None:
    history.sample("api", state="T")
    history.fail("api", "timeout", 2.0)
    history.wait(3)


def sick(history: History) -> None:
    history.failing(["api"], 4, "refused")


@pytest.mark.parametrize(
    ("happens", "text"),
    [
        (crash, "crash of api; exit code 1; error: ValueError: bad <n>; error: cannot read <path>"),
        (frozen, "hang of api; probe: timeout; processes stopped by a signal (state T)"),
        (sick, "hang of api; probe: refused"),
        (lambda history: history.die("api", -11), "crash of api; killed by signal 11, SIGSEGV"),
        (lambda history: history.die("api", None), "crash of api"),
    ],
)
def test_the_text_names_what_is_durable(happens: Callable[[History], None], text: str) -> None:
    history = History(service("api"))
    happens(history)
    assert symptom_text(history.only()) == text


def test_the_text_is_the_same_when_the_same_comes_again_and_after_it_went_on() -> None:
    texts = set()
    for pause in (3.0, 77.0):
        history = History(service("store"), service("api", "store"), service("web", "api"))
        history.wait(pause)
        crash(history)
        texts.add(symptom_text(history.only()))
        history.wait(0.5)
        history.failing(["api", "web"], pause)
        history.error("api", "and another thing")
        texts.add(symptom_text(history.only()))
    assert len(texts) == 1


def test_secrets_do_not_show() -> None:
    history = History(service("api"))
    history.error("api", "login failed: password=hunter2hunter2")
    history.die("api", 1)
    assert "hunter2" not in symptom_text(history.only())


def test_the_summary_is_one_line_and_safe_on_a_terminal() -> None:
    history = History(service("a\x1b[31mpi\nx"))
    history.die("a\x1b[31mpi\nx", 1)
    assert "\x1b" not in history.only().summary
    assert "\n" not in history.only().summary
