"""Rules of screens: what may be done there with nobody present. Pure.

Steps that need a person's approval are asked about when they come (`opsagent.screens.asking`), whoever ordered the whole.
"""

from __future__ import annotations

from opsagent.model import Ruling
from opsagent.rules.modes import mode
from opsagent.rules.question import Question
from opsagent_tools.actions import ActionName


def attended(question: Question) -> Ruling | None:
    """A procedure on a screen runs unasked only where the policy names it, and never on a desktop that people share.

    It only ever makes a yes of the mode's a question, never a question of its no.
    """
    action = question.step.action
    if action.name is not ActionName.RUN_GUI_PROCEDURE or question.situation.confirmed:
        return None
    why = _why_asked(question)
    if not why or mode(question).verdict != "allow":
        return None
    return question.ask("screens", why)


def _why_asked(question: Question) -> str:
    args = question.step.action.args
    if args.get("shared"):
        return "a desktop that people share is never used unasked"
    if args.get("risky"):
        return f"it has steps that need a person: {args['risky']}"
    if str(args.get("procedure")) not in question.limits.procedures:
        return f"{args.get('procedure')} may not run with nobody present ([screens] unattended)"
    return ""
