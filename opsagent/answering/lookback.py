"""`recall_incidents` of everything: what happened and what changed since a moment, as a handover tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from opsagent.answering.answer import Answer
from opsagent.answering.past import SHOWN, how_it_ended
from opsagent.telling.account import brief
from opsagent.telling.document import Bullets, Document, Heading
from opsagent.telling.gather import handover_of
from opsagent.telling.handover import handover
from opsagent.telling.phrases import fault_of

if TYPE_CHECKING:
    from opsagent.answering.ground import Ground
    from opsagent.commands.reading import CommandStep

_USUAL = timedelta(hours=24)
_MOST = 200


def look_back(step: CommandStep, ground: Ground) -> Answer:
    """Answer what happened since then; without a time, of the last day."""
    since = ground.since(step.args) or ground.now - _USUAL
    with ground.journal() as journal:
        found = handover_of(journal, since, ground.now)
        watches = journal.standing_watches()
        rows = journal.incidents(None, _MOST)
        ever = journal.began() is not None
    told = [brief(row, watches) for row in rows]
    within = [one for one in told if one["opened_at"] >= since.isoformat()] or told[:SHOWN]
    lines = list(_bullets(handover(found, ground.say.words)))
    if told and not found["open"] and not found["repaired"] and not found["ended"]:
        lines.append(ground.say("all.earlier", text=_in_short(told[0], ground)))
    data = {"incidents": within[: max(SHOWN, 20)], "since": since.isoformat(), "changes": found["changes"]}
    data |= {"orders": found["orders"], "deploys": found["deploys"]}
    return Answer(data=data, headline=_headline(found, ground, ever=ever), lines=tuple(lines))


def _headline(found: Mapping[str, Any], ground: Ground, *, ever: bool) -> str:
    say, since = ground.say, ground.short(found["since"])
    still_open = len(found["open"]) + len(found["snoozed"])
    incidents = still_open + len(found["repaired"]) + len(found["ended"])
    changed = sum(not one["by"] for one in found["orders"]) + len(
        found["deploys"]
    )  # with a name: a yes or no to a question
    if not incidents and not changed:
        return say("all.none", since=since) if ever else say("all.nothing_ever")
    parts = [say.count("all.incidents", incidents)]
    parts += [say("all.open", n=still_open)] if still_open else []
    parts += [say("all.repaired", n=len(found["repaired"]))] if found["repaired"] else []
    parts += [say.count("all.changes", changed)] if changed else []
    return say("all.some", since=since, parts=say("join").join(parts))


def _bullets(document: Document) -> Iterator[str]:
    """Yield what a handover lists, each entry behind its heading."""
    heading = ""
    for block in document.blocks:
        match block:
            case Heading(text=text):
                heading = text
            case Bullets(items=items):
                yield from (f"{heading}: {item.text}" for item in items)
            case _:
                pass


def _in_short(one: Mapping[str, Any], ground: Ground) -> str:
    say = ground.say
    return f"{one['name']}: {fault_of(one, say.words)}, {ground.short(one['began_at'])}, {how_it_ended(one, say)}"
