"""The step that puts a release back. Pure: values in, steps out."""

from __future__ import annotations

from opsagent.model import Check, CheckKind, Step
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.units import UnitId

_TIMEOUT_S = 15.0


def rollback_steps(
    unit: UnitId, *, release: str, replaces: str, label: str, undo_restarts: bool = True
) -> tuple[Step, ...]:
    """Put a release's files back: from the state that the kept manifest `replaces` describes to that of `release`.

    `undo_restarts`: taken back, the unit is restarted with what it had before. Where a safe reload follows, its old
    instances serve all the time, and are left alone.
    """
    return (
        Step(
            action=Action(name=ActionName.ROLLBACK, unit=unit, args={"release": release, "replaces": replaces}),
            goal=Check(kind=CheckKind.RELEASE_IS, unit=unit, args={"release": release}),
            undo=Action(
                name=ActionName.ROLLBACK,
                unit=unit,
                args={"release": replaces, "replaces": release, "then_restart": undo_restarts},
            ),
            timeout_s=_TIMEOUT_S,
            why=f"back to {label}",
        ),
    )
