"""What a text leads to: an answer, an offer, a question, or steps that are carried out. Knows no medium.

Whatever changes something is handed to `opsagent.carrying`; a bare yes answers only what was shown last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from opsagent.carrying.events import LAST, Person, Said
from opsagent.carrying.events import Event as Carried
from opsagent.carrying.words import say as told
from opsagent.chat.agent_questions import AgentQuestions
from opsagent.chat.asking_models import Asked, Wondering, ask_model
from opsagent.chat.events import Event
from opsagent.chat.following import followed, with_its_name
from opsagent.chat.offering import distinct, numbers, offers_event
from opsagent.chat.replies import Reply, is_no, is_yes, reply_of
from opsagent.chat.retelling import retold
from opsagent.chat.sayings import HELP, say
from opsagent.chat.state import Offers, Question, State
from opsagent.chat.takingback import Done, back_of
from opsagent.commands.known import Known
from opsagent.commands.reader import read
from opsagent.commands.reading import CommandStep, Context, Language, Reading
from opsagent.commands.say import command, offer
from opsagent.commands.words import has_hangul, normal_form
from opsagent_tools.registry import READING

if TYPE_CHECKING:
    from opsagent.chat.ports import Desk, Surroundings
    from opsagent_tools.units import Unit

Say = Callable[[Event], Awaitable[None]]
Hear = Callable[[Event], Awaitable[str]]
"""Shows a `confirm` and returns what was said to it; empty: nobody is there."""

DONE, FAILED, USAGE, NEEDS_APPROVAL = 0, 1, 2, 3
_NEVER_MODELS = frozenset({"unsafe_text", "too_long", "empty"})
_ANSWERS = frozenset({"approve", "deny"})


class Talk:
    """One conversation's way from a text to what comes of it."""

    def __init__(self, desk: Desk, state: State, *, tell: Say, hear: Hear) -> None:
        self._desk = desk
        self._state = state
        self._tell = tell
        self._hear = hear
        self._questions = AgentQuestions(desk, state, tell)
        self.left = ""
        """What was said instead of yes or no: a text of its own, for the next turn."""

    async def take(self, text: str) -> int:
        """Do what a text leads to; return the exit code that this is."""
        if has_hangul(text):
            self._state.language = "ko"
        reply = reply_of(text)
        if reply is not None:
            code = await self._reply(reply, text)
            if code is not None:
                return code
        self._state.open = None  # whoever says anything else has left it
        return await self._read(text)

    # What was just shown

    async def _reply(self, reply: Reply, text: str) -> int | None:
        """Answer a short reply; None: it is none here, and read as a text."""
        match reply.kind:
            case "yes" | "no" | "pick":
                return await self._answered(reply)
            case "why":
                return await self._why(text)
            case "undo":
                return await self._undo()
            case "approvals":
                return await self._questions.show_all()
            case "help":
                await self._note(HELP[self._language][0], *HELP[self._language][1:])
                return DONE
            case _:  # the medium's own
                return None

    async def _answered(self, reply: Reply) -> int | None:
        shown, self._state.open = self._state.open, None
        if isinstance(shown, Question) and reply.kind != "pick":
            step = CommandStep(tool="approve" if reply.kind == "yes" else "deny", args={"id": shown.id})
            return await self._carry((step,), str(step), agreed=False)
        if isinstance(shown, Offers):
            return await self._took(shown, reply)
        if reply.kind == "pick":
            self._state.open = shown
            return None
        await self._note(say("nothing_open", self._language))
        return USAGE

    async def _took(self, offers: Offers, reply: Reply) -> int:
        count = len(offers.choices)
        if reply.kind == "no":
            await self._note(say("nothing_done", self._language))
            return USAGE
        if reply.kind == "yes" and count > 1:
            self._state.open = offers
            await self._note(say("which", self._language, numbers=numbers(count)))
            return USAGE
        number = reply.number or 1
        if number > count:
            self._state.open = offers
            await self._note(say("no_such_offer", self._language, number=number, numbers=numbers(count)))
            return USAGE
        taken = offers.choices[number - 1]
        if offers.learn and await self._desk.learn(offers.text, self._language, taken):
            await self._note(say("learnt", self._language))
        code = await self._checked(taken, offers.text, agreed=True)
        if offers.takes_back and code == DONE:
            del self._state.done[-2:]  # what was taken back, and what did it: the next undo goes further back
        return code

    async def _why(self, text: str) -> int:
        if self._state.refused is not None:
            step, why, rule = self._state.refused
            more = (
                say("why_rule", self._language, rule=rule, action=step.tool, unit=step.target or "UNIT") if rule else ""
            )
            await self._note(say("why_refused", self._language, why=why), *filter(None, (more,)))
            return DONE
        steps = tuple(CommandStep(tool="recall_incidents", target=name) for name in self._state.spoken_of)
        return await self._carry(steps or (CommandStep(tool="recall_incidents"),), text, agreed=False)

    async def _undo(self) -> int:
        self._state.open = None
        if not self._state.done:
            await self._note(say("undo_none", self._language))
            return USAGE
        step = self._state.done[-1].step
        back = back_of(self._state.done[-1])
        if back.step is None:
            key = "undo_by" if back.command else "undo_cannot"
            await self._note(say(key, self._language, done=command(step, self._language), command=back.command))
            return USAGE
        self._state.open = Offers(text=str(back.step), choices=((back.step,),), takes_back=True)
        done, undo = command(step, self._language), command(back.step, self._language)
        question = say("undo_offer", self._language, done=done, undo=undo)
        await self._tell(offers_event(question, ((back.step,),), self._language))
        return NEEDS_APPROVAL

    # Any other text

    async def _read(self, text: str) -> int:
        around = await self._desk.look()
        context = replace(around.context, spoken_of=self._state.spoken_of, last=self._state.last)
        reading = _understood(text, around.units, context)
        self._state.language = reading.language
        if reading.steps:
            if normal_form(text) in context.phrases:
                await self._note(told(self._language, "as before", what=offer(reading.steps, self._language)))
                await self._desk.understood(text)
            return await self._checked(reading.steps, text, agreed=False, around=around)
        learn = reading.ask is not None and _leans_on_itself(text, reading, around)
        asked = Asked()
        if reading.ask is not None and reading.ask.kind not in _NEVER_MODELS and self._desk.thinker.name:
            question = Wondering(text=text, units=around.units, context=context, history=tuple(self._state.said))
            asked = await ask_model(self._desk.thinker, question, tell=self._tell, language=reading.language)
            if asked.steps:
                return await self._carry(asked.steps, text, agreed=False, around=around)
            if asked.answered:
                return DONE
        await self._offer(reading, asked, text, learn=learn, silent=around.silent)
        return USAGE

    async def _offer(
        self, reading: Reading, asked: Asked, text: str, *, learn: bool, silent: Sequence[str] = ()
    ) -> None:
        ask = reading.ask
        assert ask is not None  # a reading is either steps or a question
        for line in silent:
            await self._note(say("silent", self._language, what=line))
        choices = distinct((*asked.offers, *ask.offers))
        if choices:
            self._state.open = Offers(text=text, choices=choices, learn=learn and not asked.offers)
        question = asked.question if asked.offers else ask.question
        tells = ask.kind not in _NEVER_MODELS and not self._desk.thinker.name
        if tells and not self._state.told_of_models:
            self._state.told_of_models = True
            await self._note(say("no_model", self._language))
        await self._tell(offers_event(question, choices, self._language, kind=ask.kind))

    async def _checked(
        self, steps: Sequence[CommandStep], text: str, *, agreed: bool, around: Surroundings | None = None
    ) -> int:
        """Carry steps out; an answer to a question of the agent only once the person was shown what it is about."""
        whole: list[CommandStep] = []
        for step in steps:
            named = await self._questions.named(step) if step.tool in _ANSWERS else step
            if named is None:
                return NEEDS_APPROVAL if isinstance(self._state.open, Question) else USAGE
            whole.append(named)
        return await self._carry(tuple(whole), text, agreed=agreed, around=around)

    async def _carry(
        self, steps: tuple[CommandStep, ...], text: str, *, agreed: bool, around: Surroundings | None = None
    ) -> int:
        around = around or await self._desk.look()
        before = {unit.name: unit.instances for unit in around.units}
        self._state.spoke(steps)
        self._state.refused = None
        person = Person(name=self._desk.person, confirm=self._confirm, agreed=agreed)
        said = Said(steps=steps, text=text, language=self._language)
        code, carrier = DONE, self._desk.carrier(person)
        async for carried in carrier.carry(said):
            await self._tell(retold(carried, self._language))
            if carried.kind in LAST:
                code = code or int(carried.code)
                self._note_ending(carried, before)
        if code:
            self._state.let_go_of_changes()
        for step in carrier.left:
            await self._tell(
                Event(
                    kind="not_done",
                    text=say("not_begun", self._language, step=command(step, self._language)),
                    language=self._language,
                )
            )
        return code

    def _note_ending(self, carried: Carried, before: dict[str, int]) -> None:
        step = carried.step
        if carried.kind == "done" and step.tool not in READING and step.tool not in _ANSWERS:
            self._state.done.append(Done(step=step, instances=before, result=carried.data))
        if carried.kind in {"refused", "asked", "failed", "not_done"}:
            self._state.refused = (step, carried.text, carried.rule)

    async def _confirm(self, question: str, lines: Sequence[str]) -> bool:
        """Ask for a yes; anything else is no, and where it is no plain no it is the next text."""
        said = await self._hear(Event(kind="confirm", text=question, lines=tuple(lines), language=self._language))
        if said and not is_yes(said) and not is_no(said):
            self.left = said
        return is_yes(said)

    async def _note(self, text: str, *lines: str) -> None:
        await self._tell(Event(kind="note", text=text, lines=lines, language=self._language))

    @property
    def _language(self) -> Language:
        return self._state.language


def _understood(text: str, units: Sequence[Unit], context: Context) -> Reading:
    """Read a text; what leans on the turn before in one of a few forms is understood without the reader."""
    steps = followed(text, Known.of(units), context)
    if steps:
        return Reading(steps=steps, language="ko" if has_hangul(text) else "en")
    reading = read(text, units, context=context)
    named = with_its_name(text, context) if reading.ask is not None else ""
    if named:
        again = read(named, units, context=replace(context, spoken_of=(), last=()))
        if again.steps and all(step.tool in READING for step in again.steps):
            return again
    return reading


def _leans_on_itself(text: str, reading: Reading, around: Surroundings) -> bool:
    """Tell whether the text is read the same without what was said before it: only then it may be remembered."""
    alone = read(text, around.units, context=around.context)
    return alone.ask is not None and reading.ask is not None and alone.ask.offers == reading.ask.offers
