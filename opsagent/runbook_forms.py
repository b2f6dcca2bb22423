"""Runbooks as JSON-like data, for `--json` and for the pages that people see."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsagent.runbooks import library
from opsagent.runbooks.commands import EFFECTS, shown
from opsagent.runbooks.library.card import Card, RemedyCard, RunbookError, StepCard
from opsagent.runbooks.library.making import resolved
from opsagent.runbooks.own import FOLDER, Shelf, read_folder

if TYPE_CHECKING:
    from opsagent.runbook_checking import Problem
    from opsagent.runbook_trial import Trial, Tried


def shelf_of(home: Path, safe: Collection[str] = ()) -> Shelf:
    """Return people's own runbooks of a home. `safe`: remedies whose commands the policy calls safe."""
    return read_folder(home / FOLDER, safe)


def every(shelf: Shelf) -> tuple[Card, ...]:
    """Return every runbook, people's own first."""
    return (*shelf.cards, *library.every_card())


def named(name: str, cards: Iterable[Card]) -> Card | None:
    """Return the runbook of that name; `own.NAME` means a person's own alone."""
    found = [card for card in cards if card_name(card) == name]
    return next(iter(found), None) or next((card for card in cards if card.name == name), None)


def card_name(card: Card) -> str:
    """Return the name that no other runbook has."""
    return f"own.{card.name}" if card.own else card.name


def brief(card: Card) -> dict[str, Any]:
    """Return one row of the list."""
    return {
        "name": card_name(card),
        "title": card.title,
        "cause": card.cause.value,
        "answers": [fault.value for fault in card.answers],
        "remedies": [remedy.counts_as for remedy in card.remedies],
        "escalates": bool(card.escalate),
        "leave_alone": bool(card.leave_alone),
        "own": card.own,
    }


def whole(card: Card) -> dict[str, Any]:
    """Return everything that a runbook says."""
    return {
        **brief(card),
        "source": card.source,
        "looks_for": card.looks_for,
        "never": card.never,
        "leave_alone": card.leave_alone,
        "remedies": [_remedy(remedy) for remedy in card.remedies],
        "escalate": [
            {"say": call.say, "when": [when.text for when in call.when], "condition": _condition(call.condition)}
            for call in card.escalate
        ],
    }


def _remedy(said: RemedyCard) -> dict[str, Any]:
    return {
        "name": said.name,
        "counts_as": list(said.counted_as) or [said.counts_as],
        "does": said.does,
        "aim": said.aim,
        "order": said.order,
        "when": [when.text for when in said.when],
        "condition": _condition(said.condition) if said.judge is None else {"function": "its own Python", "says": ""},
        "despite_upstream": said.despite_upstream,
        "after": said.after,
        "steps": [*said.rows, *(_step(step) for step in said.steps)],
        "expects": said.expects,
        "verify_s": said.verify_s,
        "verify": [when.text for when in said.verify],
        "undo": said.undo,
        "effect": EFFECTS.get(said.effect, "disruptive") if any(step.command for step in said.steps) else None,
    }


def _step(step: StepCard) -> str:
    if step.command:
        return f"{step.action}: {shown(step.command)}"
    args = ", ".join(f"{name}={value}" for name, value in step.args.items())
    return f"{step.action}{f' on {step.on}' if step.on != 'aim' else ''}{f' ({args})' if args else ''}"


def _condition(reference: str) -> dict[str, str] | None:
    """Return a condition that is code, with what that says of itself."""
    if not reference:
        return None
    try:
        says = inspect.getdoc(resolved(reference)) or ""
    except RunbookError as error:
        says = str(error)
    return {"function": reference, "says": " ".join(says.split())}


def problem_form(problem: Problem) -> dict[str, str]:
    """Return what is not right with a runbook."""
    return {"level": problem.level, "where": problem.where, "what": problem.what, "mend": problem.mend}


def trial_form(trial: Trial) -> dict[str, Any]:
    """Return what became of a runbook that was tried on a case."""
    return {
        "runbook": trial.runbook,
        "answers": trial.answers,
        "remedies": [_tried(one) for one in trial.remedies],
        "calls": list(trial.calls),
    }


def _tried(tried: Tried) -> dict[str, Any]:
    steps: Sequence[Mapping[str, Any]] = [
        {
            "action": str(step.action),
            "args": dict(step.action.args),
            "goal": step.goal.kind.value,
            "undo": str(step.undo) if step.undo is not None else None,
            "why": step.why,
            "risk": ruling.risk.value,
            "verdict": ruling.verdict,
            "rule": ruling.rule,
            "ruling": ruling.why,
        }
        for step, ruling in zip(tried.steps, tried.rulings, strict=True)
    ]
    return {
        "remedy": tried.remedy,
        "unit": str(tried.unit) if tried.unit is not None else None,
        "result": tried.result,
        "why": tried.why,
        "conditions": [
            {"text": one.text, "holds": one.holds, "told": one.told, "why": one.why} for one in tried.conditions
        ],
        "steps": list(steps),
    }
