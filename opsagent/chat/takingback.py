"""The step that takes back another one, where there is such a step. Pure.

It is offered, never done unasked, and takes the same way as any other command.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opsagent.commands.reading import CommandStep
from opsagent.model import Risk


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """How a step is taken back."""

    step: CommandStep | None = None
    """The step that does it."""
    command: str = ""
    """Or the command of the command line that does it. Neither: nothing does."""


def back_of(step: CommandStep, instances: Mapping[str, int]) -> Back:
    """Return how `step`, which was done, is taken back. `instances`: how many each unit ran before it, by target."""
    target = step.target
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
        case "scale" if instances.get(target or "", 0) > 0:
            before = CommandStep(
                tool="scale", target=target, args={"replicas": instances[target or ""]}, risk=Risk.DISRUPTIVE
            )
            return Back(step=before)
        case "rollback":
            return Back(command=f"opsagent rollback {target} --undo")
        case "teach":
            return Back(command="opsagent memory forget ID")
        case _:
            return Back()


def _with(tool: str, target: str | None, risk: Risk) -> Back:
    return Back(step=CommandStep(tool=tool, target=target, risk=risk))
