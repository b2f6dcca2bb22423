"""Services that are looked at, made up of files that really are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from opsagent_tools.findings import Finding
from opsagent_tools.lint.graceful import ProcessFacts
from opsagent_tools.lint.rules import judge
from opsagent_tools.lint.source import read_project
from opsagent_tools.lint.subject import Subject
from opsagent_tools.units import Unit, UnitId, UnitSetup, UnitState


def subject(script: Path, *, runtime: str = "node", shape: str = "cluster", instances: int = 2, **more: Any) -> Subject:
    """A service of PM2 that runs `script`; `more`: fields of its setup, or of the subject itself."""
    unit = Unit(id=UnitId("pm2", "api", "host"), state=UnitState.RUNNING, instances=instances)
    own = {key: more.pop(key) for key in ("ports", "rooms", "logs", "family", "processes") if key in more}
    setup = UnitSetup(id=unit.id, script=script, cwd=script.parent, shape=shape, stop_signal=2, **more)
    facts: dict[str, Any] = {
        "processes": (ProcessFacts(pid=1, runtime=runtime),),
        "ports": (3000,),
        "family": "pm2",
        "cores": 4,
    }
    return Subject(unit=unit, setup=setup, project=read_project(setup), **(facts | own))


def found(script: Path, **more: Any) -> dict[str, Finding]:
    """What is found in it, by check."""
    return {one.check: one for one in judge(subject(script, **more))}
