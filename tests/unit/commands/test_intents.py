"""The intent model: its words, its guesses, and files of weights that are not what they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opsagent.commands import intents, likely
from opsagent.commands.english import tags
from opsagent.commands.intents import ABSTAIN, BrokenWeights, guess, load, words_of
from opsagent.commands.known import Known
from opsagent.commands.reading import CommandStep, Context
from opsagent.commands.words import tokenize
from opsagent.model import Risk
from opsagent_tools.units import Unit, UnitId, UnitState

UNITS = tuple(
    Unit(id=UnitId("circus", name, "localhost"), state=UnitState.RUNNING, instances=1) for name in ("api", "mail")
)
KNOWN = Known.of(UNITS)


def test_names_and_numbers_become_placeholders_and_particles_words_of_their_own() -> None:
    assert words_of("Show 50 lines of API's log", {"api"}) == ("show", "{n}", "lines", "of", "{u}", "log")
    assert words_of("api를 3개로 늘려줘!", {"api"}) == ("{u}", "를", "{n}", "개로", "늘려줘", "!")
    assert words_of("don’t restart orders-api", {"orders-api"}) == ("don't", "restart", "{u}")


@pytest.mark.parametrize("text", ["", "?", "restart {u}", "ㅋㅋ", "x" * 400, "{u} " * 80])
def test_every_class_is_guessed_and_all_of_them_are_sure_together(text: str) -> None:
    ranked = guess(tuple(text.split()), question=False)
    assert sorted(one.tool for one in ranked) == sorted(load().classes)
    assert sum(one.probability for one in ranked) == pytest.approx(1)
    assert [one.probability for one in ranked] == sorted((one.probability for one in ranked), reverse=True)


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("could you show me what mail has been writing to its log", "tail_logs"),
        ("why on earth did mail crash again last night?", "recall_incidents"),
        ("I restarted mail yesterday", ABSTAIN),
        ("mail 어제 왜 또 죽었어?", "recall_incidents"),
        ("mail 재시작하면 어떻게 될까?", ABSTAIN),
        ("mail 인스턴스를 4개로 늘려주세요", "scale"),
    ],
)
def test_the_first_guess(text: str, tool: str) -> None:
    assert guess(words_of(text, {"mail"}), question=text.endswith("?"))[0].tool == tool


@pytest.mark.parametrize("broken", ["missing", "empty", "cut", "changed", "other version", "no JSON", "a class less"])
def test_weights_that_are_not_as_they_were_made_are_refused(broken: str, tmp_path: Path) -> None:
    head, _, body = intents.WEIGHTS.read_bytes().partition(b"\n")
    about = json.loads(head)
    about |= {"format": 99} if broken == "other version" else {}
    about |= {"classes": about["classes"][1:]} if broken == "a class less" else {}
    written = {
        "empty": b"",
        "cut": head + b"\n" + body[:-9],
        "changed": head.replace(b'"sha256": "', b'"sha256": "0') + b"\n" + body,
        "no JSON": b"[" + head + b"\n" + body,
    }
    path = tmp_path / "intents.bin"
    if broken != "missing":
        path.write_bytes(written.get(broken, json.dumps(about).encode() + b"\n" + body))
    with pytest.raises(BrokenWeights, match=r"intents\.bin"):
        load(path)


def test_a_plan_that_changes_something_is_not_the_models_matter() -> None:
    steps = (CommandStep(tool="stop", target="api", risk=Risk.DISRUPTIVE),)
    tokens = tokenize("tell me a joke about api")
    assert not likely.doubts_reading(steps, tags(tokens, KNOWN, Context())[0], tokens)


def test_a_plan_that_reads_is_doubted_where_the_text_is_about_something_else() -> None:
    steps = (CommandStep(tool="describe_process", target="api"),)
    for text, doubted in (("is api ok?", False), ("someone stopped api by mistake this morning", True)):
        tokens = tokenize(text)
        assert likely.doubts_reading(steps, tags(tokens, KNOWN, Context())[0], tokens) is doubted


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("the api thing is wedged and wants a restart by now", ["restart api"]),
        ("api ought to have 4 instances", ["scale api to 4"]),
        ("tell me a joke", []),
        ("whatever you do, do not restart api", []),
    ],
)
def test_what_the_model_would_offer(text: str, offered: list[str]) -> None:
    tokens = tokenize(text)
    assert [str(step) for step in likely.likely(tags(tokens, KNOWN, Context())[0], tokens, KNOWN)] == offered
