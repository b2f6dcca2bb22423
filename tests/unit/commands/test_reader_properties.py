"""What holds of every text: a word that nobody explained, a no, an if or a question mark leaves no change."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent.commands.reader import read
from opsagent.commands.reading import Reading
from opsagent.commands.words import MAX_TEXT
from opsagent_tools.registry import READING
from opsagent_tools.units import Unit, UnitId, UnitState

NAMES = ("api", "worker", "redis", "order-service", "search", "web")
UNITS = tuple(Unit(id=UnitId("circus", name, "box"), state=UnitState.RUNNING, instances=2) for name in NAMES)
COMMANDS = (
    "restart api", "stop redis and web", "please start worker", "reload api safely", "scale web to 4", "roll back api",
    "could you restart order-service", "bring redis back up", "api restart please", "give web a restart",
    "restart api in 10 minutes", "hold redis for 2h", "restart api if it is down", "stop api then start web", "pause",
    "get worker restarted", "restart everything", "resume redis", "take redis off hold",
)  # fmt: skip
STRANGE = ("xyzzy", "frobnicate", "zqv", "blorp", "quux", "vvv9k")
DOUBTFUL = (
    "never",
    "unless",
    "should",
    "perhaps",
    "might",
    "whether",
    "supposedly",
    "nobody",
    "hypothetically",
)
SOUP = (
    *NAMES, "restart", "stop", "start", "logs", "status", "it", "and", "of", "the", "to", "4", "why", "is", "down", "please",
    "for", "last", "then", "up", "all", "reload", "scale", "hold", "roll", "back", "give", "kick", "if", "before", "except",
    "errors", "restarted", "restarting", "failed", "has", "been", ",", "off", "take", "bring",
)  # fmt: skip

_ODD = (
    "api", "worker", "재시작", "해줘", "🙏🙏", "👍", "급함", "ㅠㅠ", "!!", "죽었으면", "3개로", "…", "~", "뭐", "왜", "하고", "(", "-",
    "를", "50줄", "오전 3시에", "안", "ㅋㅋ", "?", "restart", "a", "、", "１２",
)  # fmt: skip


def changes(reading: Reading) -> list[str]:
    return [str(step) for step in reading.steps if step.tool not in READING]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(COMMANDS), st.sampled_from(STRANGE + DOUBTFUL), st.data())
def test_a_strange_or_doubtful_word_anywhere_leaves_no_change(command: str, word: str, data: st.DataObject) -> None:
    words = command.split()
    at = data.draw(st.integers(0, len(words)))
    assert changes(read(" ".join((*words[:at], word, *words[at:])), UNITS)) == []


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([one for one in COMMANDS if not one.startswith("could")]))
def test_a_question_mark_leaves_no_change(command: str) -> None:
    assert changes(read(command + "?", UNITS)) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(SOUP), max_size=9), st.sampled_from(("not", "never", "don't", "maybe", "xyzzy")), st.data()
)
def test_word_soup_with_a_no_or_a_strange_word_changes_nothing(soup: list[str], word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(soup)))
    assert changes(read(" ".join((*soup[:at], word, *soup[at:])), UNITS)) == []


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(SOUP), max_size=8))
def test_what_is_changed_was_named_and_so_was_the_verb(soup: list[str]) -> None:
    stems = {
        "restart": "restart kick off",
        "stop": "stop bring take off",
        "start": "start bring back up",
        "rollback": "roll back",
    }
    for step in read(" ".join(soup), UNITS).steps:
        if step.tool in READING or step.target is None:
            continue
        assert step.target in soup or (step.target == "all" and "all" in soup) or "it" in soup, (soup, step)
        assert set(stems.get(step.tool, step.tool).split()) & set(soup) or "off" in soup or "hold" in soup, (soup, step)


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.sampled_from("abc restartpi,.'\"?!-0123456789\n&"), max_size=MAX_TEXT))
def test_no_text_breaks_the_reader(text: str) -> None:
    reading = read(text, UNITS)
    assert bool(reading.steps) != (reading.ask is not None)


def test_long_texts_with_many_units_take_no_long_time() -> None:
    names = [f"worker search-{n} order_{n}".split()[n % 3] + str(n) for n in range(50)] + ["search", "worker", "status"]
    units = [Unit(id=UnitId("circus", name, "box"), state=UnitState.RUNNING) for name in names]
    for piece in (
        "restart search worker ",
        "search, worker and ",
        "the worker of search to ",
        "bring it back up and ",
        "if it is ",
    ):
        began = time.process_time()
        read((piece * 100)[:MAX_TEXT], units)
        assert time.process_time() - began < 0.5  # a tenth of it, most of the time


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from(_ODD), min_size=1, max_size=7),
    st.lists(st.sampled_from(["", " "]), min_size=7, max_size=7),
)
def test_no_text_is_too_odd_to_be_read(pieces: list[str], between: list[str]) -> None:
    text = "".join(piece + gap for piece, gap in zip(pieces, between, strict=False))
    assert read(text, UNITS) is not None
