"""Procedures in the JSON form that `--json`, the views and the reports share. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from opsagent.screens.kept import Kept
from opsagent.screens.risky import risky_steps
from opsagent.screens.shelf import Row, Tally
from opsagent_tools.gui.effects import said as effect_said
from opsagent_tools.gui.saying import said


def brief(row: Row, tally: Tally) -> dict[str, Any]:
    """Return one row of the list."""
    shown, proposed = row.shown, row.proposed
    return {
        "name": row.name,
        "title": shown.procedure.title,
        "program": shown.procedure.window.program,
        "steps": len(shown.procedure.steps),
        "version": shown.version,
        "status": shown.status,
        "proposed": proposed.version if proposed is not None and proposed is not shown else None,
        "parameters": [one.name for one in shown.procedure.parameters],
        "worked": tally.worked,
        "unverified": tally.unverified,
        "failed": tally.failed,
        "last": tally.last.isoformat() if tally.last is not None else None,
        "last_worked": tally.last_worked.isoformat() if tally.last_worked is not None else None,
    }


def whole(row: Row, tally: Tally, runs: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Return everything of a procedure."""
    return {
        **brief(row, tally),
        **version_form(row.shown),
        "versions": [
            {
                "version": one.version,
                "status": one.status,
                "why": one.why,
                "by": one.by,
                "at": _when(one),
                "record": one.record,
            }
            for one in row.versions
        ],
        "runs": [dict(one) for one in runs],
    }


def version_form(kept: Kept) -> dict[str, Any]:
    """Return what one version does."""
    procedure, risky = kept.procedure, risky_steps(kept.procedure)
    return {
        "name": kept.name,
        "version": kept.version,
        "status": kept.status,
        "title": procedure.title,
        "surface": procedure.surface.value if procedure.surface is not None else None,
        "window": asdict(procedure.window),
        "start": list(procedure.start),
        "parameters": [
            {
                "name": one.name,
                "example": one.example,
                "secret": one.secret,
                "pattern": one.pattern,
                "default": None if one.secret else one.default,
            }
            for one in procedure.parameters
        ],
        "steps": [
            {"number": number, "said": said(step), "note": step.note, "risk": risky.get(number, "")}
            for number, step in enumerate(procedure.steps, start=1)
        ],
        "effects": [effect_said(one) for one in procedure.effects],
        "undo": procedure.undo,
        "digest": kept.digest,
        "why": kept.why,
        "healed": [dict(one) for one in kept.healed],
    }


def _when(kept: Kept) -> str | None:
    return kept.at.isoformat() if kept.at is not None else None
