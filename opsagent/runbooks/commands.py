"""The steps that run a command of a person's own runbook. Pure.

An action names the runbook, the remedy and the step, and the digest of what stood there when it was planned; the hand
reads the runbook again and runs what it says. So nothing in a journal, an approval or a plan is ever run, and what
changed since is refused.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping

from opsagent.model import Check, CheckKind, Scalar, Step
from opsagent.planning_parts import action_of
from opsagent.runbooks.library.card import RemedyCard, StepCard
from opsagent_tools.actions import ActionName, Effect
from opsagent_tools.redact import redact
from opsagent_tools.units import Unit

_SHOWN_MOST = 160
_WORD_MOST = 400
EFFECTS: Mapping[Effect | None, str] = {Effect.STARTS: "safe", Effect.DESTROYS: "destructive"}
"""By what a runbook declares; of anything else it is disruptive."""


def digest_of(said: RemedyCard, number: int) -> str:
    """Return the hash of everything that decides what is run."""
    step = said.steps[number]
    what = [said.counts_as, step.command, step.undo_command, step.cwd, step.timeout_s, _effect(said)]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]


def shown(words: tuple[str, ...]) -> str:
    """Return the command as it may be shown: secrets masked, not too long."""
    text = masked(words)
    return text if len(text) <= _SHOWN_MOST else text[: _SHOWN_MOST - 1] + "…"


def masked(words: tuple[str, ...]) -> str:
    """Return the whole command, secrets masked: the guard looks for protected files in it, and who approves it reads it."""
    return redact(" ".join(words))


def command_step(unit: Unit, said: RemedyCard, number: int, told: Mapping[str, Scalar]) -> Step:
    """Return the step. `told`: what the words that begin with `$` stand for. Raises ValueError where one may not."""
    step = said.steps[number]
    words = {f"word_{at}": _word(told[word]) for at, word in _looked_up(step)}
    args: dict[str, Scalar] = {
        "runbook": said.counts_as,
        "step": number,
        "digest": digest_of(said, number),
        "effect": _effect(said),
        "shown": masked(step.command),
        **({"cwd": step.cwd} if step.cwd else {}),
        **words,
    }
    run, back = secrets.token_hex(8), secrets.token_hex(8)
    undo = None
    if step.undo_command:
        undo = action_of(
            ActionName.RUN_RUNBOOK_COMMAND,
            unit.id,
            **{**args, "shown": masked(step.undo_command), "undo": True, "run": back},
        )
    return Step(
        action=action_of(ActionName.RUN_RUNBOOK_COMMAND, unit.id, run=run, **args),
        goal=Check(kind=CheckKind.COMMAND_RAN, unit=unit.id, args={"run": run}),
        undo=undo,
        timeout_s=step.wait_s if step.wait_s is not None else 1.0,
        why=f"{said.does}: {shown(step.command)}",
    )


def words_of(step: StepCard, args: Mapping[str, Scalar]) -> tuple[str, ...]:
    """Return the words to run: those of the file, with what was looked up in their places. Raises ValueError."""
    told = dict(_looked_up(step))
    command = step.undo_command if args.get("undo") else step.command
    found = []
    for word in command:
        at = next((at for at, known in told.items() if known == word), None)
        found.append(word if not word.startswith("$") else _word(args[f"word_{at}"]))
    return tuple(found)


def _looked_up(step: StepCard) -> list[tuple[int, str]]:
    words = dict.fromkeys(word for word in (*step.command, *step.undo_command) if word.startswith("$"))
    return list(enumerate(words))


def _word(value: Scalar) -> str:
    """A word that was looked up is data: it must not read as an option, and be one that can be shown."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not text or text.startswith("-") or len(text) > _WORD_MOST or not text.isprintable():
        raise ValueError(f"a word that may be passed on (it is {text[:40]!r})")
    return text


def _effect(said: RemedyCard) -> str:
    return EFFECTS.get(said.effect, "disruptive")
