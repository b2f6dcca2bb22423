"""What is known of a run afterwards: how it ended, as it noted itself; else what its effect says, seen outside the screen.

A run that was cut short (the agent was killed in the middle) is never played again blindly: gestures may have been done, or
not. Its effect is looked at; where it names none, or it is not there, nobody can tell, and a person is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsagent.screens import files
from opsagent_tools.gui.effects import still_seen
from opsagent_tools.gui.procedure import EffectCheck, RunReport, ScreenOutcome

BEGUN, ENDED = "begun.json", "ended.json"


def note_begun(
    folder: Path, *, procedure: str, version: int, effects: tuple[EffectCheck, ...], before: Mapping[str, Any]
) -> None:
    """Write down that a run begins, and what its effect is known by. On the disk when this returns. Raises OSError.

    `before`: how the files and logs of the effects stood (`opsagent_tools.gui.effects`).
    """
    files.write_json(
        folder / BEGUN,
        {
            "procedure": procedure,
            "version": version,
            "at": datetime.now(UTC).isoformat(),
            "effects": [asdict(one) for one in effects],
            "before": dict(before),
        },
        durable=True,
    )


def note_ended(folder: Path, report: RunReport, *, wants_effect: bool) -> bool:
    """Write down how a run ended, and return whether it did what it was for. Raises OSError."""
    came = report.outcome is ScreenOutcome.VERIFIED or (report.outcome is ScreenOutcome.UNVERIFIED and not wants_effect)
    files.write_json(
        folder / ENDED, {"outcome": report.outcome.value, "why": report.why, "came_about": came}, durable=True
    )
    return came


async def came_about(home: Path, run: str) -> bool | None:
    """Tell whether a run did what it was for; None: nobody can tell."""
    if not files.is_run(run):
        return None
    folder = files.run_folder(home, run)
    ended = files.read_json(folder / ENDED)
    if ended is not None:
        return ended.get("came_about") is True
    begun = files.read_json(folder / BEGUN)
    if begun is None or not begun.get("effects"):
        return None
    seen = await still_seen(tuple(EffectCheck(**one) for one in begun["effects"]), begun.get("before") or {})
    return True if seen else None  # what is not there yet may still come, or was never begun
