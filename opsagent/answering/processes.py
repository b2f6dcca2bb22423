"""`list_processes`: which services there are, and which of them are not well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from opsagent.answering.answer import Answer
from opsagent.answering.process import state_of
from opsagent.telling.phrases import fault_of

if TYPE_CHECKING:
    from opsagent.answering.ground import Ground
    from opsagent.commands.reading import CommandStep

_KINDS = (
    ("down", ("down",)),
    ("unhealthy", ("unhealthy",)),
    ("partly", ("partly",)),
    ("stopped", ("stopped",)),
    ("between", ("starting", "stopping")),
    ("unknown", ("unknown",)),
)
_NAMED = 12
_INCIDENTS = 50


def list_processes(_: CommandStep, ground: Ground) -> Answer:
    """Answer about all units."""
    report = ground.report
    with ground.journal() as journal:
        unfinished = journal.unfinished_incidents()
        paused = journal.paused()
    lines = [
        *_open(unfinished, ground),
        *(ground.say("note.silent", kind=kind, why=why) for kind, why in sorted(ground.running.silent.items())),
        *([ground.say("note.paused")] if paused is not None else ()),
    ]
    return Answer(data=report, headline=_headline(report["units"], ground), lines=tuple(lines))


def _headline(rows: list[dict[str, Any]], ground: Ground) -> str:
    say = ground.say
    if not rows:
        return say("list.none")
    by_state: dict[str, list[str]] = {}
    for row in rows:
        by_state.setdefault(state_of(row), []).append(row["name"])
    bad = []
    for kind, states in _KINDS:
        names = [name for state in states for name in by_state.get(state, ())]
        if names:
            shown = [*names[:_NAMED], *([f"… (+{len(names) - _NAMED})"] if len(names) > _NAMED else ())]
            bad.append(say(f"list.{kind}", names=", ".join(shown)))
    if not bad:
        return say.count("list.all", len(rows))
    return say("list.some", up=len(by_state.get("up", ())), n=len(rows), bad=say("and").join(bad))


def _open(unfinished: Any, ground: Ground) -> Iterator[str]:
    said = [
        f"{row.unit.name} ({fault_of({'fault': row.fault.value}, ground.say.words)}) [{row.id}]"
        for row in unfinished[:_INCIDENTS]
    ]
    if said:
        yield ground.say("list.incidents", text=", ".join(said))
