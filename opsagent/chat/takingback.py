"""The step that takes back another one, where there is such a step. Pure.

It is offered, never done unasked, and takes the same way as any other command.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opsagent.commands.reading import CommandStep
from opsagent.model import Risk


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """How a step is taken back."""

    step: CommandStep | None = None
    """The step that does it."""
    command: str = ""
    """Or the command of the command line that does it. Neither: nothing does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One step that was done in this conversation."""

    step: CommandStep
    instances: Mapping[str, int] = field(default_factory=dict)
    """How many instances each unit ran before it, by name."""
    result: Mapping[str, Any] = field(default_factory=dict)
    """What was told of it, as `opsagent do --json` has it."""


def back_of(done: Done) -> Back:
    """Return how a step that was done is taken back."""
    step, target = done.step, done.step.target
    if "at" in step.args:  # nothing was done yet but writing it down
        return Back(command=f"opsagent schedule cancel {_id(done.result, 'schedule')}")
    match step.tool:
        case "stop":
            return _with("start", target, Risk.SAFE)
        case "start":
            return _with("stop", target, Risk.DISRUPTIVE)
        case "pause":
            return _with("resume", None, Risk.SAFE)
        case "resume" if target is None:
            return _with("pause", None, Risk.SAFE)
        case "hold":
            return _with("resume", target, Risk.SAFE)
        case "scale" if done.instances.get(target or "", 0) > 0:
            before = {"replicas": done.instances[target or ""]}
            return Back(step=CommandStep(tool="scale", target=target, args=before, risk=Risk.DISRUPTIVE))
        case "rollback":
            return Back(command=f"opsagent rollback {target} --undo")
        case "teach":
            return Back(command=f"opsagent memory forget {_id(done.result, 'kept')}")
        case _:
            return Back()


def _id(result: Mapping[str, Any], of: str) -> str:
    found = result.get(of)
    return str(found.get("id", "ID")) if isinstance(found, Mapping) else "ID"


def _with(tool: str, target: str | None, risk: Risk) -> Back:
    return Back(step=CommandStep(tool=tool, target=target, risk=risk))
