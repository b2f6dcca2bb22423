"""What a person teaches in plain words: shown as it was understood, and kept once they say that this is meant."""

from __future__ import annotations

import asyncio

from opsagent.carrying.events import Ending, Event
from opsagent.carrying.working import Desk, Place
from opsagent_tools.redact import redact


async def teach(desk: Desk, place: Place) -> Event:
    """Show the fact, and the rule where it is one; keep it once it is confirmed. Raises what the memory raises."""
    from opsagent.memory_forms import EVERYWHERE
    from opsagent.recall import scope_of
    from opsagent.running import find
    from opsagent.taught.teaching import understood

    text = redact(str(place.step.args.get("text", "")).strip())
    scope = EVERYWHERE
    if place.step.target is not None:
        scope = scope_of(find(place.step.target, desk.running.units, silent=desk.running.silent).id)
    names = _names(desk)
    taught = understood(text, scope, names)
    rule = taught.rule.fields() if taught.rule is not None else None
    lines = (desk.say("fact", text=text), _understood(desk, taught.rule is not None, taught.note))
    desk.tell(place.shown(*lines))
    yes = await desk.confirmed(desk.say("keep that"), anew=True)
    if yes is None:
        return place.ends("asked", desk.say("teach yes"), Ending.NEEDS_APPROVAL, rule_read=rule)
    if not yes:
        return place.ends("declined", desk.say("not kept"), Ending.NEEDS_APPROVAL)
    kept = await _keep(desk, text, scope, names)
    return place.ends("done", desk.say("kept", id=kept["id"]), kept=dict(kept), rule_read=rule)


def _understood(desk: Desk, is_rule: bool, note: str) -> str:
    if is_rule:
        return desk.say("read as", rule=note.removeprefix("read as: "))
    return note or desk.say("a plain fact")


def _names(desk: Desk) -> frozenset[str]:
    from opsagent.naming import index

    return frozenset(index(unit.id for unit in desk.running.units))


async def _keep(desk: Desk, text: str, scope: str, names: frozenset[str]) -> dict[str, object]:
    from opsagent.memory_port import open_memory

    async with open_memory(desk.home, known=lambda: names) as memory:
        kept = await asyncio.shield(asyncio.ensure_future(memory.memory_add(text, scope)))
    return dict(kept)
