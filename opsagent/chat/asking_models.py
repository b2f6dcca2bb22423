"""Asks a chat model what was meant, where one is configured. What it plans is an offer; nothing is done by it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsagent.chat.events import Event
from opsagent.chat.sayings import say
from opsagent_tools.registry import READING
from opsagent_tools.text import UntrustedText

if TYPE_CHECKING:
    from opsagent.brain.port import Thinker, Thought
    from opsagent.commands.reading import CommandStep, Context, Language
    from opsagent_tools.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of asking."""

    steps: tuple[CommandStep, ...] = ()
    """Reading steps that it wants looked at for the person."""
    offers: tuple[tuple[CommandStep, ...], ...] = ()
    question: str = ""
    answered: bool = False
    """It said something, and proposes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wondering:
    """What a model is asked."""

    text: str
    units: Sequence[Unit]
    context: Context
    history: Sequence[tuple[str, str]] = ()
    """What was said before, (`person` or `agent`, text), oldest first."""


async def ask_model(
    thinker: Thinker, about: Wondering, *, tell: Callable[[Event], Awaitable[None]], language: Language
) -> Asked:
    """Ask, telling what it is at meanwhile; cancelled, the model is left alone."""
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    async def think() -> Thought:
        try:
            return await thinker.plan(
                about.text,
                about.units,
                about.context,
                tell=lines.put_nowait,
                language=language,
                history=about.history,
            )
        finally:
            lines.put_nowait(None)

    thinking = asyncio.create_task(think())
    try:
        await tell(Event(kind="thinking", text=thinker.name, data={"model": thinker.name}, language=language))
        while (line := await lines.get()) is not None:
            await tell(Event(kind="thinking", text=line, data={"model": thinker.name}, language=language))
        thought = await thinking
    finally:
        if not thinking.done():
            thinking.cancel()
            await asyncio.gather(thinking, return_exceptions=True)
    return await _heard(thought, tell, language)


async def _heard(thought: Thought, tell: Callable[[Event], Awaitable[None]], language: Language) -> Asked:
    if thought.why_not:
        text = say("model_failed", language, why=thought.why_not)
        await tell(Event(kind="note", text=text, data=_bill(thought), language=language))
        return Asked()
    reading = thought.reading
    if thought.said or reading is not None:
        await tell(
            Event(
                kind="answer",
                text=say("model_said", language, model=f"{thought.model}{_cost(thought)}"),
                quoted=tuple(UntrustedText(line) for line in thought.said.splitlines()),
                data=_bill(thought),
                language=language,
            )
        )
    if reading is None:
        return Asked(answered=bool(thought.said))
    if reading.steps and all(step.tool in READING for step in reading.steps):
        return Asked(steps=reading.steps)
    offers = reading.ask.offers if reading.ask is not None else (reading.steps,)
    return Asked(offers=offers, question=reading.ask.question if reading.ask is not None else "", answered=not offers)


def _cost(thought: Thought) -> str:
    tokens = thought.tokens_in + thought.tokens_out
    cost = f", {thought.cost:.4f} {thought.currency}" if thought.cost is not None else ""
    return f" ({tokens} tokens{cost})" if tokens else ""


def _bill(thought: Thought) -> dict[str, object]:
    return {
        "model": thought.model,
        "tokens_in": thought.tokens_in,
        "tokens_out": thought.tokens_out,
        "cost": thought.cost,
        "currency": thought.currency,
        "looked": list(thought.looked),
    }
