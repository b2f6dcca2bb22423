"""What a run teaches: its outcome is counted for the procedure, and what was found otherwise than recorded is proposed.

A proposal changes nothing until a person accepts it: it is a new version beside the one that is run.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsagent.procedures import PROPOSED
from opsagent.recall import MemoryDesk
from opsagent.screens import files
from opsagent.screens import kept as keeping
from opsagent.screens.kept import Kept
from opsagent.screens.writing import written
from opsagent_tools.gui.procedure import RunReport, ScreenOutcome
from opsagent_tools.redact import redact

if TYPE_CHECKING:
    from opsagent_memory import Episode, Memory

_LOG = logging.getLogger(__name__)


def outcome_of(report: RunReport, *, came_about: bool) -> str | None:
    """Return how a run counts; None: not at all, for a person was needed, and nothing went wrong."""
    match report.outcome:
        case ScreenOutcome.VERIFIED:
            return "worked"
        case ScreenOutcome.UNVERIFIED:
            return "unproven" if came_about else "failed"
        case ScreenOutcome.HALTED:
            return "failed"
        case _:
            return None


async def learn(desk: MemoryDesk, home: Path, kept: Kept, report: RunReport, *, run: str, came_about: bool) -> str:
    """Keep how a run ended, and propose what it found; return what to tell a person of that, or nothing.

    A memory that cannot be written is told in the log, and stops nothing.
    """
    from opsagent_memory import MemoryFailure

    outcome = outcome_of(report, came_about=came_about)
    if outcome is None or not desk.settings.learn:
        return ""
    episode = _episode(kept, report, run, outcome)
    proposed = healed_version(kept, report, run) if report.outcome is not ScreenOutcome.HALTED else None
    try:
        if proposed is not None:
            proposed = _with_crops(home, kept, proposed, report)
        told = await desk.use(lambda memory: _keep(memory, episode, proposed))
    except (MemoryFailure, OSError) as error:
        _LOG.warning("could not remember the run %s of %s: %s", run, kept.name, error)
        return ""
    return told


def healed_version(kept: Kept, report: RunReport, run: str) -> Kept | None:
    """Return the version in which every step is known by what was found; None: all was found as it was recorded."""
    found = {one.number: one for one in report.steps if one.done and one.healed is not None}
    if not found:
        return None
    steps = tuple(
        replace(step, on=found[number].healed) if number in found else step
        for number, step in enumerate(kept.procedure.steps, start=1)
    )
    if steps == kept.procedure.steps:
        return None
    procedure = replace(kept.procedure, steps=steps, version=kept.version + 1)
    healed = tuple(
        {
            "step": number,
            "rung": one.rung.value if one.rung is not None else "",
            "score": round(one.score, 3),
            "margin": round(one.margin, 3),
            "why": redact(one.why),
        }
        for number, one in sorted(found.items())
    )
    which = ", ".join(str(number) for number in found)
    return Kept(
        procedure=procedure,
        text=written(procedure),
        status=PROPOSED,
        crops=dict(kept.crops),
        why=f"a run found step {which} otherwise than it was recorded",
        run=run,
        healed=healed,
    )


def _with_crops(home: Path, kept: Kept, proposed: Kept, report: RunReport) -> Kept:
    """Put the crops of both versions, and what the run saw, beside each other; return the version with their names."""
    before = files.version_folder(home, kept.name, kept.version)
    crops: dict[str, bytes] = {name: (before / name).read_bytes() for name in kept.crops}
    seen = {one.number: one.before for one in report.steps}
    healed: list[Mapping[str, Any]] = []
    for one in proposed.healed:
        picture = seen.get(int(one["step"]))
        name = f"healed-{one['step']}.png"
        if picture is not None:
            crops[name] = picture
        healed.append({**one, "now": name if picture is not None else ""})
    files.keep_version(home, proposed.name, proposed.version, proposed.text, crops)
    return replace(proposed, crops=files.hashes(crops), healed=tuple(healed))


def _episode(kept: Kept, report: RunReport, run: str, outcome: str) -> Episode:
    from opsagent_memory import Episode

    halted = f" Halted before step {report.halted_at}." if report.halted_at is not None else ""
    return Episode(
        id=f"ep-{run}",
        scope=keeping.scope(kept.name),
        text=f"{kept.name} was run on a screen and {_SAID[outcome]}.{halted} {redact(report.why)}".strip(),
        created_at=datetime.now(UTC),
        fields={
            "remedy": keeping.remedy(kept.name),
            "outcome": outcome,
            "class": "screen",
            "version": kept.version,
            "run": run,
            "halted_at": report.halted_at,
            "why": redact(report.why),
            "rungs": [one.rung.value for one in report.steps if one.rung is not None],
            "seconds": round(sum(one.seconds for one in report.steps), 3),
        },
    )


_SAID: Mapping[str, str] = {
    "worked": "did what it is for",
    "unproven": "did all its steps; nobody can tell what came of them",
    "failed": "did not do what it is for",
}


def _keep(memory: Memory, episode: Episode, proposed: Kept | None) -> str:
    memory.add(episode)
    if proposed is None:
        return ""
    memory.add(keeping.as_record(proposed, datetime.now(UTC)))
    return f"{proposed.why}: look at it and accept it: opsagent gui approve {shlex.quote(proposed.name)}"
