"""Questions of the agent inside a conversation: shown from the typed action, answered by id or when just shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opsagent.chat.events import Event
from opsagent.chat.sayings import say
from opsagent.commands.reading import Language
from opsagent.store.approvals import AGENT
from opsagent.store.rows import ApprovalRow
from opsagent.views.questions import as_json, marked, state
from opsagent_tools.peers import same_person


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is known of what is asked."""

    evidence: Sequence[str] = ()
    cost: str = ""
    """What the same cost the last time."""


def question_event(row: ApprovalRow, person: str, about: About, language: Language, *, bare: bool) -> Event:
    """Return a question with what it is about. `bare`: yes and no alone answer it, for nothing else is open."""
    action = row.step.action
    lines = []
    if action.args:
        lines.append(say("args_line", language, args=marked(", ".join(f"{k}={v}" for k, v in action.args.items()))))
    if row.step.why:
        lines.append(say("why_line", language, why=row.step.why))
    lines += [say("evidence_line", language, text=text) for text in about.evidence]
    if about.cost:
        lines.append(say("cost_line", language, cost=about.cost))
    if row.incident_id:
        lines.append(say("incident_line", language, incident=row.incident_id))
    until = f"{row.expires_at:%H:%M}Z"
    lines.append(say("by_line", language, by=row.proposer, until=until))
    if row.persons > 1:
        lines.append(say("two_persons", language, state=state(row)))
    if proposed_by(row, person):
        lines.append(say("own_question", language))
    else:
        lines.append(say("answer_it" if bare else "name_it", language, id=row.id))
    text = say("asks" if row.proposer == AGENT else "waits", language, action=marked(str(action)))
    return Event(kind="question", text=text, lines=tuple(lines), data={"approval": as_json(row)}, language=language)


def proposed_by(row: ApprovalRow, person: str) -> bool:
    """Tell whether this person may not say yes to it, having proposed it."""
    return same_person(person, row.proposer)


def meant(begins_with: str, rows: Sequence[ApprovalRow]) -> tuple[ApprovalRow, ...]:
    """Return the questions whose id begins so; all of them for an empty text."""
    return tuple(row for row in rows if row.id.startswith(begins_with.lower().removeprefix("#")))
