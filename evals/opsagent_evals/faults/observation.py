"""How the process that runs a case hands over what it saw: one JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from opsagent_evals.faults.score import OracleCall, Run, SeenIncident, SeenStep


def write(path: Path, run: Run) -> None:
    """Write what was seen, as a whole."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(asdict(run), default=datetime.isoformat, indent=1), encoding="utf-8")
    fresh.replace(path)


def read(path: Path) -> Run:
    """Read what `write` wrote. Raises OSError and ValueError."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return Run(
        injected_at=datetime.fromisoformat(data["injected_at"]),
        ended_at=datetime.fromisoformat(data["ended_at"]),
        oracle=[OracleCall(**_timed(call)) for call in data["oracle"]],
        incidents=[SeenIncident(**_timed(incident)) for incident in data["incidents"]],
        steps=[SeenStep(**_timed(step)) for step in data["steps"]],
        error=data["error"],
        strays=data["strays"],
    )


def _timed(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: datetime.fromisoformat(value) if value and (key == "at" or key.endswith("_at")) else value
        for key, value in data.items()
    }
