"""One `opsagent do`: read the text, ask back where it is not clear, have it carried out, and show what happens."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsagent.carrying.events import LAST, Person, Said
from opsagent.cli.errors import CliError, Code, Unclear
from opsagent.commands.reading import CommandStep, Reading
from opsagent.commands.say import offer as offered

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.cli.showing import Showing
    from opsagent.commands.reading import Context
    from opsagent.home import Home

_ASKABLE = frozenset({"unclear", "unknown_unit", "ambiguous_unit"})
"""What a chat model may be asked about; a text that may not be what it looks like is nobody's to interpret."""


@dataclass(frozen=True, slots=True)
class _Meant:
    """What is to be done after all."""

    steps: tuple[CommandStep, ...]
    agreed: bool = False
    """The person has just said yes to exactly these steps."""
    learn_later: bool = False
    """A chat model proposed them: they are remembered once they were done."""
    answer: Mapping[str, str] | None = None
    """There is nothing to do: a chat model answered, in its own words."""


class Doing:
    """One `opsagent do`."""

    def __init__(self, home: Home, text: str, out: Out, *, yes: bool) -> None:
        from opsagent.carrying.context import context_of
        from opsagent.cli.daemon import status
        from opsagent.cli.services import look
        from opsagent.cli.store import person

        self._home = home
        self._text = text
        self._out = out
        self._yes = yes
        self._person = person()
        self._daemon = status(home)
        self._running = look(home, daemon=self._daemon)
        self._context: Context = context_of(home, self._running, self._person, phrases=False)
        self._reading = self._read()
        self._results: list[dict[str, Any]] = []
        self._answer: Mapping[str, str] | None = None

    def _read(self) -> Reading:
        """Read the text; what this person meant by it before is looked up where it is not understood by itself."""
        from opsagent.carrying.phrases import meant
        from opsagent.commands.reader import read

        reading = read(self._text, self._running.with_daemons, self._context)
        if reading.ask is None or reading.ask.kind not in _ASKABLE:
            return reading
        steps = meant(self._home, self._running, self._person, self._text)
        if not steps:
            return reading
        self._phrase = True
        return Reading(steps=steps, language=reading.language)

    _phrase = False
    """It was understood by what this person meant by it before."""

    def dry_run(self) -> int:
        """Show the reading and do nothing."""
        from opsagent.views.terminal import one_line

        if self._out.as_json:
            self._out.document(self._reading.to_json())
        elif self._reading.ask is not None:
            self._out.line(asked_back(self._reading))
        else:
            for step in self._reading.steps:
                self._out.line(one_line(f"{self._offer_text((step,))}  ({step.risk})"))
        ask = self._reading.ask
        return Code.USAGE if ask is not None and ask.kind == "unknown_unit" else Code.DONE

    def run(self) -> int:
        """Do it; return the exit code."""
        from opsagent.cli.showing import Showing

        showing = Showing(self._out, self._results, self._reading.language)
        interrupted = False
        left: tuple[CommandStep, ...] = ()
        try:
            code, left = asyncio.run(self._all(showing))
        except KeyboardInterrupt:
            code, interrupted = Code.INTERRUPTED, True
            left = showing.interrupted()
        if self._out.as_json:
            self._out.document(
                {
                    "text": self._text,
                    "language": self._reading.language,
                    "results": self._results,
                    "not_done": [step.to_json() for step in left],
                    **({"answer": self._answer} if self._answer is not None else {}),
                }
            )
        else:
            showing.end(left, interrupted=interrupted)
        return code

    async def _all(self, showing: Showing) -> tuple[int, tuple[CommandStep, ...]]:
        meant = await self._meant()
        if meant.answer is not None:
            self._show(meant.answer)
            return int(Code.DONE), ()
        if self._phrase:
            await self._say_phrase(meant.steps)
        from opsagent.carrying.carrier import Carrier

        person = Person(
            name=self._person,
            confirm=self._confirm if self._can_ask() and not self._yes else None,
            agreed=self._yes or meant.agreed,
        )
        carrier = Carrier(self._home, person, running=self._running, daemon=self._daemon)
        said = Said(steps=meant.steps, text=self._text, language=self._reading.language)
        showing.begin(carrier)
        code = int(Code.DONE)
        async with aclosing(carrier.carry(said)) as events:
            async for event in events:
                showing.show(event)
                if event.kind in LAST and event.code != Code.DONE:
                    code = event.code
        if meant.learn_later and code == Code.DONE:
            await self._learn(meant.steps)
        return code, carrier.left

    async def _meant(self) -> _Meant:
        """Return what is to be done. Raises Unclear where nobody can be asked, CliError where they say no."""
        ask = self._reading.ask
        if ask is None:
            return _Meant(self._reading.steps)
        for kind, why in sorted(self._running.silent.items()):
            self._out.note(f"{kind} does not answer, so its services are not known: {why}")
        if ask.offers and self._can_ask():
            taken = await self._offer(self._reading)
            if taken is not None:
                await self._learn(taken)
                return _Meant(taken, agreed=True)
        may_ask = ask.kind in _ASKABLE and (not ask.offers or self._can_ask())  # what was offered was not it
        thought = await self._ask_model() if may_ask else None
        if thought is not None:
            return thought
        if ask.offers and self._can_ask():
            raise CliError(self._say("nothing done"), code=Code.USAGE)
        raise Unclear(asked_back(self._reading), **self._reading.to_json())

    async def _offer(self, reading: Reading) -> tuple[CommandStep, ...] | None:
        """Offer what may have been meant; return what the person takes, None where that is none of it."""
        from opsagent.cli.asking import ask_which, ask_yes
        from opsagent.views.terminal import one_line

        assert reading.ask is not None
        offers = reading.ask.offers
        if len(offers) == 1:
            return offers[0] if await ask_yes(one_line(_with_offer(reading))) else None
        self._out.note(reading.ask.question)
        place = await ask_which(self._say("which"), [one_line(offered(offer, reading.language)) for offer in offers])
        return offers[place] if place is not None else None

    async def _ask_model(self) -> _Meant | None:
        """Ask the chat model, where one may be asked; what it would change is offered, what it would look at is done."""
        from opsagent.cli.thinking import think

        thought = await think(self._home, self._text, self._running, self._reading, tell=self._out.note)
        if thought is None:
            return None
        if thought.reading is None:
            return _Meant((), answer={"model": thought.model, "said": thought.said}) if thought.said else None
        if thought.reading.ask is None:
            return _Meant(thought.reading.steps)
        if not thought.reading.ask.offers or not self._can_ask():
            self._reading = thought.reading
            return None
        taken = await self._offer(thought.reading)
        if taken is None:
            raise CliError(self._say("nothing done"), code=Code.USAGE)
        return _Meant(taken, agreed=True, learn_later=True)

    def _show(self, answer: Mapping[str, str]) -> None:
        """Show what a model answered: somebody else's words, line by line."""
        from opsagent.views.terminal import one_line

        self._answer = answer
        if not self._out.as_json:
            self._out.lines([one_line(line) for line in answer["said"].splitlines()])

    async def _learn(self, steps: tuple[CommandStep, ...]) -> None:
        """Remember what the person means by the text: they took it with a key of their own, and not with `--yes`."""
        from opsagent.carrying.phrases import learn

        if self._yes:
            return
        learnt = await asyncio.to_thread(learn, self._home, self._person, self._text, self._reading.language, steps)
        if learnt.before:
            self._out.note(
                self._say(
                    "meant before",
                    before=offered(learnt.before, self._reading.language),
                    now=offered(steps, self._reading.language),
                )
            )

    async def _say_phrase(self, steps: tuple[CommandStep, ...]) -> None:
        from opsagent.carrying.phrases import used

        self._out.note(self._say("as before", what=offered(steps, self._reading.language)))
        await asyncio.to_thread(used, self._home, self._person, self._text)

    async def _confirm(self, question: str, lines: Sequence[str]) -> bool:
        from opsagent.cli.asking import ask_yes

        for line in lines:
            self._out.note(line)
        return await ask_yes(question)

    def _offer_text(self, steps: tuple[CommandStep, ...]) -> str:
        from opsagent.commands.say import offer

        return offer(steps, self._reading.language)

    def _say(self, key: str, **values: object) -> str:
        from opsagent.carrying.words import say

        return say(self._reading.language, key, **values)

    def _can_ask(self) -> bool:
        return not self._out.as_json and sys.stdin.isatty() and self._out.notes.terminal


def asked_back(reading: Reading) -> str:
    """Return the question back as one line, with its first offer in it."""
    shown = _with_offer(reading)
    return f"{shown}?" if shown.endswith("`") else shown


def _with_offer(reading: Reading) -> str:

    ask = reading.ask
    assert ask is not None
    if ask.offers and "`" not in ask.question:
        return f"{ask.question.rstrip('?')}: `{offered(ask.offers[0], reading.language)}`?"
    return f"{ask.question}?" if ask.question.endswith("`") else ask.question
