"""What a keeper other than the agent did, kept in memory or in a file that its hands write to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from opsagent_evals.faults.score import SeenStep


def deed(action: str, unit: str, began: datetime, by: str) -> SeenStep:
    """Return what was just done, and is over now."""
    now = datetime.now(UTC)
    plan = f"{by}-{began.timestamp():.3f}-{unit}"
    return SeenStep(action=action, unit=unit, at=began, ended_at=now, plan=plan, incident=None, source=by)


def append(path: Path, step: SeenStep) -> None:
    """Add a line to the file, whole."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(step), default=datetime.isoformat) + "\n")


def read(path: Path) -> Sequence[SeenStep]:
    """Return what the file tells; nothing where there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    found = []
    for line in lines:
        data = json.loads(line)
        times = {key: datetime.fromisoformat(data[key]) for key in ("at", "ended_at")}
        found.append(SeenStep(**{**data, **times}))
    return found
