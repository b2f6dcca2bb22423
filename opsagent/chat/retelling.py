"""What is carried out, as the conversation says it. Pure."""

from __future__ import annotations

from opsagent.carrying.events import Event as Carried
from opsagent.chat.events import Event
from opsagent.commands.reading import Language
from opsagent.commands.say import command


def retold(carried: Carried, language: Language) -> Event:
    """Return what was carried out as what the conversation says."""
    data = dict(carried.data)
    if carried.answer is not None:
        return Event(
            kind="answer",
            text=carried.answer.headline,
            lines=carried.answer.lines,
            quoted=carried.answer.quoted,
            data={"step": carried.step.to_json(), "answer": dict(carried.answer.data)},
            language=language,
        )
    if carried.progress is not None:
        item = carried.progress
        data = {"progress": item.kind, "step": item.step, "steps": item.steps, "text": str(carried.step)}
    data |= {"of": carried.step.to_json(), "said": command(carried.step, language)}
    if carried.approval:
        data["approval"] = carried.approval
    if carried.rule:
        data["rule"] = carried.rule
    return Event(kind=carried.kind, text=carried.text, lines=carried.lines, data=data, language=language)
