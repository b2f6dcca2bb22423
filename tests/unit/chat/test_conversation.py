"""What a conversation makes of what is said: nothing is done that was not shown and taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from opsagent.brain.port import NoModel, Tell, Thought
from opsagent.carrying.events import Event as Carried
from opsagent.carrying.events import Person, Said
from opsagent.chat.conversation import Conversation
from opsagent.chat.state import State
from opsagent.commands.reading import Ask, CommandStep, Reading
from opsagent.model import Risk
from tests.support.talking import Kept, NotedDesk, question, turn

RESTART_WEB = CommandStep(tool="restart", target="web", risk=Risk.DISRUPTIVE)


def talk(desk: NotedDesk) -> tuple[Conversation, Kept]:
    kept = Kept()
    return Conversation(desk, kept, State()), kept


def kinds(events: list[Any]) -> list[str]:
    return [event.kind for event in events]


async def test_what_is_understood_is_carried_out() -> None:
    desk = NotedDesk()
    conversation, kept = talk(desk)
    events = await turn(conversation, "reload api safely")
    assert (kinds(events), events[-1].code) == (["done", "end"], 0)
    assert desk.did == ["reload api"]
    assert [who for who, _ in kept.said] == ["person", "agent"]


async def test_what_is_not_understood_is_offered_and_changes_nothing() -> None:
    desk = NotedDesk()
    conversation, _ = talk(desk)
    events = await turn(conversation, "restart wbe")
    assert kinds(events) == ["note", "offers", "end"]
    assert "no chat model" in events[0].text.lower()
    assert (desk.did, events[-1].code) == ([], 2)
    assert kinds(await turn(conversation, "restart wbe")) == ["offers", "end"]  # how to configure one is said once


@pytest.mark.parametrize("yes", ["y", "네", "1", "do it"])
async def test_an_offer_is_taken_with_one_key_and_remembered(yes: str) -> None:
    desk = NotedDesk()
    conversation, _ = talk(desk)
    await turn(conversation, "restart wbe")
    await turn(conversation, yes)
    assert desk.did == ["restart web"]
    assert desk.carried[0][1], "they said yes to exactly this"
    assert [text for text, _ in desk.learnt] == ["restart wbe"]


@pytest.mark.parametrize("text", ["n", "no", "아니요", "hmm", "status", "logs api"])
async def test_anything_else_leaves_an_offer(text: str) -> None:
    desk = NotedDesk()
    conversation, _ = talk(desk)
    await turn(conversation, "restart wbe")
    await turn(conversation, text)
    await turn(conversation, "y")
    assert "restart web" not in desk.did
    assert desk.learnt == []


async def test_a_yes_to_several_offers_asks_which() -> None:
    desk = NotedDesk()
    conversation, _ = talk(desk)
    conversation.state.open = offers = _two()
    assert kinds(await turn(conversation, "yes")) == ["note", "end"]
    assert (desk.did, conversation.state.open) == ([], offers)
    assert kinds(await turn(conversation, "7")) == ["note", "end"]
    await turn(conversation, "2")
    assert desk.did == ["stop web"]


def _two() -> Any:
    from opsagent.chat.state import Offers

    return Offers(text="x", choices=((RESTART_WEB,), (CommandStep(tool="stop", target="web"),)))


async def test_a_bare_yes_without_anything_shown_does_nothing() -> None:
    desk = NotedDesk()
    conversation, _ = talk(desk)
    for text in ("yes", "네", "no"):
        assert kinds(await turn(conversation, text)) == ["note", "end"]
    assert desk.did == []


async def test_a_confirmation_counts_only_as_yes_and_other_words_are_the_next_text() -> None:
    desk = NotedDesk(asks=True)
    conversation, _ = talk(desk)
    assert kinds(await turn(conversation, "restart web", "y")) == ["confirm", "done", "end"]
    assert kinds(await turn(conversation, "restart web", "")) == ["confirm", "declined", "end"]
    assert conversation.left == ""
    events = await turn(conversation, "restart web", "is redis ok?")
    assert kinds(events) == ["confirm", "declined", "end"]
    assert (conversation.left, conversation.left) == ("is redis ok?", "")
    assert desk.did == ["restart web"]


async def test_what_was_spoken_of_is_it() -> None:
    desk = NotedDesk()
    conversation, _ = talk(desk)
    await turn(conversation, "is worker running?")
    assert conversation.state.spoken_of == ("worker",)
    await turn(conversation, "status")
    assert conversation.state.spoken_of == ("worker",), "a question about all of them is about nobody in particular"


async def test_the_same_is_done_to_another_unit() -> None:
    desk = NotedDesk()
    conversation, _ = talk(desk)
    await turn(conversation, "restart worker")
    assert kinds(await turn(conversation, "and api?"))[-2:] != ["done", "end"], "a question changes nothing"
    await turn(conversation, "restart worker")
    await turn(conversation, "same for redis")
    await turn(conversation, "그거 로그 보여줘")
    assert desk.did == ["restart worker", "restart worker", "restart redis", "tail_logs redis"]
    assert conversation.state.spoken_of == ("redis",)
    assert conversation.state.last[0].tool == "tail_logs"


async def test_no_change_follows_from_one_that_was_not_done() -> None:
    desk = NotedDesk(asks=True)
    conversation, _ = talk(desk)
    await turn(conversation, "restart worker", "n")
    events = await turn(conversation, "same for redis", "y")
    assert "confirm" not in kinds(events)
    assert desk.did == []
    taken_up = State()
    taken_up.go_on({"spoken_of": ["web"], "last": [RESTART_WEB.to_json()]})
    assert (taken_up.spoken_of, taken_up.last) == (("web",), ())


async def test_an_offer_that_nobody_took_is_not_spoken_of() -> None:
    desk = NotedDesk()
    conversation, _ = talk(desk)
    await turn(conversation, "restart wbe")
    await turn(conversation, "n")
    assert conversation.state.spoken_of == ()


async def test_a_question_of_the_agent_is_answered_when_it_was_just_shown() -> None:
    desk = NotedDesk(open=[question("7f3a" + "0" * 12)])
    conversation, _ = talk(desk)
    events = await turn(conversation, "approvals")
    assert kinds(events) == ["question", "end"]
    assert "restart:web" in events[0].text
    told = "\n".join(events[0].lines)
    assert "state T" in told
    assert "0.7 s without service" in told
    assert "until 13:00Z" in told
    await turn(conversation, "네")
    assert [(str(step.tool), dict(step.args)) for step, _ in desk.carried] == [("approve", {"id": "7f3a" + "0" * 12})]


async def test_after_anything_else_a_bare_yes_is_no_approval() -> None:
    desk = NotedDesk(open=[question("7f3a" + "0" * 12)])
    conversation, _ = talk(desk)
    await turn(conversation, "approvals")
    await turn(conversation, "status")
    await turn(conversation, "yes")
    assert "approve" not in desk.did


async def test_a_question_that_was_never_shown_is_shown_before_it_is_approved() -> None:
    desk = NotedDesk(open=[question("7f3a" + "0" * 12), question("7b00" + "0" * 12)])
    conversation, _ = talk(desk)
    events = await turn(conversation, "approve 7f3a")
    assert (kinds(events), desk.did) == (["question", "end"], [])
    await turn(conversation, "approve 7f3a")
    assert dict(desk.carried[0][0].args) == {"id": "7f3a" + "0" * 12}
    assert kinds(await turn(conversation, "approve 7")) == ["note", "end"]
    assert kinds(await turn(conversation, "deny 9")) == ["note", "end"]
    await turn(conversation, "deny 7b")
    assert desk.did == ["approve", "deny"]


async def test_who_proposed_it_is_told_that_somebody_else_has_to_say_yes() -> None:
    desk = NotedDesk(open=[question("7f3a" + "0" * 12, proposer="ann", needed=2)])
    conversation, _ = talk(desk)
    events = await turn(conversation, "approvals")
    assert "somebody else" in events[0].lines[-1]
    assert kinds(await turn(conversation, "yes")) == ["note", "end"]
    assert desk.did == []


async def test_news_opens_a_question_only_for_a_person_who_is_saying_nothing() -> None:
    desk = NotedDesk()
    conversation, _ = talk(desk)
    await turn(conversation, "restart wbe")
    row = question("7f3a" + "0" * 12)
    event = await conversation.heard(row, may_open=True)
    assert event is not None
    assert "approve 7f3a" in event.lines[-1]
    assert await conversation.heard(row, may_open=True) is None, "it is shown once"
    await turn(conversation, "y")
    assert desk.did == ["restart web"], "the yes was to the offer"


async def test_undo_offers_the_step_back() -> None:
    desk = NotedDesk()
    conversation, _ = talk(desk)
    assert kinds(await turn(conversation, "undo that")) == ["note", "end"]
    await turn(conversation, "scale worker to 5")
    events = await turn(conversation, "되돌려줘")
    assert kinds(events) == ["offers", "end"]
    await turn(conversation, "네")
    assert dict(desk.carried[-1][0].args)["replicas"] == 3
    assert kinds(await turn(conversation, "undo that")) == ["note", "end"], "nothing is left"
    await turn(conversation, "restart web")
    assert kinds(await turn(conversation, "undo that")) == ["note", "end"]


async def test_why_after_a_refusal_is_about_the_refusal() -> None:
    desk = NotedDesk(ends_as="refused")
    conversation, _ = talk(desk)
    events = await turn(conversation, "restart web")
    assert (kinds(events), events[-1].code) == (["refused", "end"], 4)
    told = (await turn(conversation, "why?"))[0]
    assert "refused so" in told.text
    assert "policy explain restart web" in told.lines[0]


async def test_steps_after_one_that_is_refused_are_told_as_not_done() -> None:
    desk = NotedDesk(ends_as="refused")
    conversation, _ = talk(desk)
    events = await turn(conversation, "restart web then show its logs")
    assert kinds(events) == ["refused", "not_done", "end"]


async def test_an_interrupted_change_says_what_became_of_it() -> None:
    class Hanging:
        left = ()

        def __init__(self, desk: NotedDesk, person: Person) -> None:
            self.ended = False

        async def carry(self, said: Said) -> AsyncIterator[Carried]:
            from opsagent.ports import Progress
            from tests.support.talking import NOW

            progress = Progress(kind="step_started", at=NOW, text="reload:api", step=0, steps=3)
            yield Carried(kind="progress", step=said.steps[0], number=0, text="reload:api", progress=progress)
            await asyncio.Event().wait()

    for daemon, told in ((True, "daemon goes on"), (False, "nothing is half done")):
        desk = NotedDesk(made=Hanging, daemon=daemon)
        conversation, _ = talk(desk)
        events = []
        async for event in conversation.turn("reload api safely"):
            events.append(event)
            if event.kind == "progress":
                assert conversation.interrupt()
                assert not conversation.interrupt(), "once is enough"
        assert (kinds(events), events[-1].code) == (["progress", "note", "end"], 130)
        assert told in events[1].text
        assert "reload api" in events[1].text


class Model(NoModel):
    """Proposes what a test says."""

    def __init__(self, thought: Thought) -> None:
        super().__init__()
        self.thought = thought
        self.asked: list[str] = []

    @property
    def name(self) -> str:
        return "test:model"

    async def plan(self, text: str, *_: Any, tell: Tell = print, **more: Any) -> Thought:
        self.asked.append(text)
        tell("looks: describe_process web")
        return self.thought


async def test_what_a_model_plans_is_an_offer_and_is_not_remembered_as_a_phrase() -> None:
    plan = Reading(ask=Ask(kind="unclear", question="Shall I", offers=((RESTART_WEB,),)))
    model = Model(Thought(reading=plan, said="web looks stuck", model="test:model", tokens_in=10, cost=0.01))
    desk = NotedDesk(thinker=model)
    conversation, _ = talk(desk)
    events = await turn(conversation, "the thing on port 80 has been in a mood since lunch")
    assert kinds(events) == ["thinking", "thinking", "answer", "offers", "end"]
    assert (desk.did, [line.raw for line in events[2].quoted]) == ([], ["web looks stuck"])
    await turn(conversation, "1")
    assert (desk.did, desk.learnt) == (["restart web"], [])


async def test_a_model_that_thinks_too_long_is_left_alone() -> None:
    class Slow(Model):
        ended = False

        async def plan(self, text: str, *_: Any, tell: Tell = print, **more: Any) -> Thought:
            try:
                await asyncio.Event().wait()
            finally:
                self.ended = True
            raise AssertionError

    model = Slow(Thought())
    conversation, _ = talk(NotedDesk(thinker=model))
    events = []
    async for event in conversation.turn("restart wbe"):
        events.append(event)
        if event.kind == "thinking":
            await asyncio.sleep(0)
            conversation.interrupt()
    assert (kinds(events), events[-1].code, model.ended) == (["thinking", "note", "end"], 130, True)
    assert conversation.state.open is None


async def test_a_model_is_not_asked_about_text_that_is_not_safe() -> None:
    model = Model(Thought(said="hello"))
    conversation, _ = talk(NotedDesk(thinker=model))
    await turn(conversation, "restart \x1b[31mweb")
    assert model.asked == []


async def test_a_model_that_is_of_no_help_leaves_the_offers_of_the_reader() -> None:
    model = Model(Thought(why_not="it did not answer within 30 s"))
    desk = NotedDesk(thinker=model)
    conversation, _ = talk(desk)
    events = await turn(conversation, "restart wbe")
    assert kinds(events) == ["thinking", "thinking", "note", "offers", "end"]
    await turn(conversation, "y")
    assert desk.did == ["restart web"]


async def test_a_conversation_that_cannot_be_kept_goes_on_and_says_so_once() -> None:
    class Full:
        async def keep(self, *_: Any) -> None:
            raise OSError("no space left")

    class Desk(NotedDesk):
        def explain(self, error: Exception) -> str:
            return str(error)

    desk = Desk()
    conversation = Conversation(desk, Full(), State())
    assert kinds(await turn(conversation, "status")) == ["note", "answer", "end"]
    assert kinds(await turn(conversation, "restart web")) == ["done", "end"]
