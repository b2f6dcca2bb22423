"""What is known of a run afterwards: how it ended, as it noted itself; else what its effect says, seen outside the screen.

A run that was cut short (the agent was killed in the middle) is never played again blindly: gestures may have been done, or
not. Its effect is looked at; where it names none, or it is not there, nobody can tell, and a person is called.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from opsagent.screens import files
from opsagent.screens.files import BEGUN, ENDED
from opsagent_tools.gui.effects import still_seen
from opsagent_tools.gui.procedure import EffectCheck, RunReport, ScreenOutcome
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.redact import redact
from opsagent_tools.units import ProcessKey


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
            "pid": os.getpid(),
            "started": psutil.Process().create_time(),
            "effects": [asdict(one) for one in effects],
            "before": dict(before),
        },
        durable=True,
    )


def note_ended(folder: Path, report: RunReport, *, wants_effect: bool) -> bool:
    """Write down how a run ended, and return whether it did what it was for. Raises OSError."""
    came = report.outcome is ScreenOutcome.VERIFIED or (report.outcome is ScreenOutcome.UNVERIFIED and not wants_effect)
    _end(folder, report.outcome.value, report.why, came=came)
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


async def cut_short(home: Path, procedure: str) -> tuple[str, ...]:
    """Return the runs of a procedure that an earlier life of the agent was in the middle of, and of which nobody can tell.

    Those whose effect is seen by now are done, and noted as that.
    """
    unclear = []
    for run in await asyncio.to_thread(lambda: [*_broken_off(home, procedure)]):
        if await came_about(home, run):
            folder = files.run_folder(home, run)
            await asyncio.to_thread(_end, folder, ScreenOutcome.VERIFIED.value, "its effect was seen later", came=True)
        else:
            unclear.append(run)
    return tuple(unclear)


def looked_at(home: Path, run: str, by: str) -> None:
    """Note that a person has looked at what a run that was cut short left behind. Raises OSError."""
    folder = files.run_folder(home, run)
    if (folder / BEGUN).exists() and not (folder / ENDED).exists():
        _end(folder, ScreenOutcome.NEEDS_PERSON.value, f"cut short; {by} looked at it", came=False)


def _broken_off(home: Path, procedure: str) -> Iterator[str]:
    for path in (files.folder_of(home) / "runs").glob(f"*/{BEGUN}"):
        begun = files.read_json(path)
        if begun is None or begun.get("procedure") != procedure or (path.parent / ENDED).exists():
            continue
        if not is_alive(ProcessKey(int(begun.get("pid", 0)), float(begun.get("started", 0.0)))):
            yield path.parent.name


def _end(folder: Path, outcome: str, why: str, *, came: bool) -> None:
    files.write_json(folder / ENDED, {"outcome": outcome, "why": redact(why), "came_about": came}, durable=True)
