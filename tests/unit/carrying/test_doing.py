"""What `opsagent do` makes of a text that is not clear: offers, what they were taken for before, a chat model."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from opsagent.brain.port import Thought
from opsagent.carrying.phrases import meant
from opsagent.cli import asking, doing, thinking
from opsagent.cli.doing import Doing
from opsagent.cli.errors import CliError, Unclear
from opsagent.cli.output import Out
from opsagent.commands.reading import Ask, CommandStep, Reading
from opsagent.model import Risk
from tests.unit.carrying.conftest import Room

PAUSE = (CommandStep(tool="pause", risk=Risk.SAFE),)
RESUME = (CommandStep(tool="resume", risk=Risk.SAFE),)
TEXT = "let the agent sleep"


class Desk:
    """One `do`, with what the reader, the person and the model say."""

    def __init__(self, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = room
        self.patch = monkeypatch
        self.asked: list[str] = []
        monkeypatch.setattr("opsagent.cli.store.person", lambda: "kim")
        monkeypatch.setattr("opsagent.cli.services.look", lambda *_args, **_more: room.running)
        monkeypatch.setattr("opsagent.cli.daemon.status", lambda _home: None)
        self.thinks(None)

    def reads(self, *offers: tuple[CommandStep, ...], kind: Any = "unclear") -> None:
        reading = Reading(ask=Ask(kind=kind, question="I do not understand that", offers=offers))
        self.patch.setattr("opsagent.commands.reader.read", lambda *_args: reading)

    def answers(self, keys: Iterable[str]) -> None:
        typed = iter(keys)

        async def ask_key(prompt: str) -> str:
            self.asked.append(prompt)
            return next(typed)

        self.patch.setattr(asking, "ask_key", ask_key)
        self.patch.setattr(doing.Doing, "_can_ask", lambda _doing: True)

    def thinks(self, thought: Thought | None) -> None:
        async def think(*_args: Any, **_more: Any) -> Thought | None:
            self.asked.append("the model")
            return thought

        self.patch.setattr(thinking, "think", think)

    def do(self, *, yes: bool = False, as_json: bool = False) -> int:
        return Doing(self.room.home, TEXT, Out(as_json=as_json), yes=yes).run()

    @property
    def paused(self) -> bool:
        with self.room.journal() as journal:
            return journal.paused() is not None

    @property
    def remembered(self) -> tuple[CommandStep, ...]:
        return meant(self.room.home, self.room.running, "kim", TEXT)


@pytest.fixture
def desk(room: Room, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(room, monkeypatch)


def test_an_offer_that_is_taken_is_done_and_is_what_the_text_means_from_then_on(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.reads(PAUSE)
    desk.answers("y")
    assert desk.do() == 0
    assert desk.paused
    assert desk.asked == ["I do not understand that: `pause`? [y/N] "]
    assert desk.remembered == PAUSE
    assert desk.do() == 0  # nobody is asked any more
    assert "understood as `pause`, as you meant it before" in capsys.readouterr().err
    assert len(desk.asked) == 1


def test_what_was_said_with_yes_is_not_remembered(desk: Desk) -> None:
    desk.reads(PAUSE)
    desk.answers("y")
    assert desk.do(yes=True) == 0
    assert (desk.paused, desk.remembered) == (True, ())


def test_a_no_does_nothing_and_is_not_remembered(desk: Desk) -> None:
    desk.reads(PAUSE)
    desk.answers("n")
    with pytest.raises(CliError, match="nothing was done") as raised:
        desk.do()
    assert raised.value.code == 2
    assert (desk.paused, desk.remembered) == (False, ())
    assert desk.asked[1:] == ["the model"]  # where one may be asked, it is: what was offered was not it


def test_one_of_several_is_taken_by_its_number(desk: Desk) -> None:
    desk.reads(RESUME, PAUSE)
    desk.answers("2")
    assert desk.do() == 0
    assert desk.paused


def test_where_nobody_can_be_asked_nothing_is_done_whatever_is_agreed_to(desk: Desk) -> None:
    desk.reads(PAUSE)
    for yes in (False, True):
        with pytest.raises(Unclear) as raised:
            desk.do(yes=yes)
        assert raised.value.details["ask"]["offers"]  # type: ignore[index]
    assert (desk.paused, desk.remembered) == (False, ())


def test_what_a_model_would_change_is_offered_and_remembered_once_it_was_done(desk: Desk) -> None:
    desk.reads()
    desk.thinks(Thought(reading=Reading(ask=Ask(kind="unclear", question="Shall I", offers=(PAUSE,))), model="m"))
    desk.answers("n")
    with pytest.raises(CliError):
        desk.do()
    assert (desk.paused, desk.remembered) == (False, ())
    desk.answers("y")
    assert desk.do() == 0
    assert (desk.paused, desk.remembered) == (True, PAUSE)


def test_what_a_model_would_change_is_not_done_where_nobody_can_say_yes(desk: Desk) -> None:
    desk.reads()
    desk.thinks(Thought(reading=Reading(ask=Ask(kind="unclear", question="Shall I", offers=(PAUSE,))), model="m"))
    with pytest.raises(Unclear) as raised:
        desk.do(yes=True)
    assert raised.value.details["ask"]["offers"][0][0]["tool"] == "pause"  # type: ignore[index]
    assert not desk.paused


def test_what_a_model_answers_is_the_answer(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.reads()
    desk.thinks(Thought(said="it sleeps,\x1b[2J\nas you told it", model="m"))
    assert desk.do() == 0
    assert capsys.readouterr().out == "it sleeps,\\x1b[2J\nas you told it\n"
    assert desk.do(as_json=True) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["results"], said["answer"]["model"]) == ([], "m")
    desk.thinks(Thought(why_not="no answer in time"))
    with pytest.raises(Unclear):
        desk.do()


@pytest.mark.parametrize("kind", ["unsafe_text", "too_long", "empty"])
def test_a_text_that_may_not_be_what_it_looks_like_is_shown_to_no_model(desk: Desk, kind: str) -> None:
    desk.reads(kind=kind)
    desk.answers("y")
    with pytest.raises(Unclear):
        desk.do()
    assert desk.asked == []


def test_the_results_are_one_document(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    steps = (CommandStep(tool="pause"), CommandStep(tool="hold", target="nope"), CommandStep(tool="resume"))
    desk.patch.setattr("opsagent.commands.reader.read", lambda *_args: Reading(steps=steps))
    assert desk.do(as_json=True) == 2
    said = json.loads(capsys.readouterr().out)
    assert [one["result"] for one in said["results"]] == ["done", "failed"]
    assert [one["tool"] for one in said["not_done"]] == ["resume"]
    assert (said["text"], said["language"]) == (TEXT, "en")
