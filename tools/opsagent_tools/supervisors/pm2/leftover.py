"""The apps of a PM2 whose daemon does not run, or forgot some: from its saved list, its log and the files beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from opsagent_tools.supervisors.pm2 import dump
from opsagent_tools.supervisors.pm2.rotation import log_paths
from opsagent_tools.supervisors.pm2.units import unit_name
from opsagent_tools.units import Unit, UnitId, UnitState

_FILES = 5000
_PLAIN = re.compile(r"[^/\x00-\x1f]{1,200}")


def saved_units(home: Path, uid: int, kind: str) -> tuple[Unit, ...]:
    """Return the units of the saved list; none where there is none that can be used."""
    try:
        saved = dump.read(home, uid)
    except dump.DumpUnreadable:
        saved = None
    found: dict[str, list[Path]] = {}
    for app in saved.apps if saved is not None else ():
        if not dump.is_module(app):
            found.setdefault(dump.unit_name(app), []).extend(log_paths(app))
    return tuple(_unit(kind, name, logs, uid) for name, logs in found.items())


def named_units(home: Path, uid: int, kind: str, names: Iterable[str]) -> tuple[Unit, ...]:
    """Return units for apps of which only the name is known, with the logs that PM2 gives them by default."""
    wanted = [name for name in dict.fromkeys(names) if _PLAIN.fullmatch(name)]
    return tuple(_unit(kind, unit_name(name, ""), default_logs(home / "logs", name), uid) for name in wanted)


def default_logs(folder: Path, name: str) -> list[Path]:
    """Return the logs in `folder` that are named as PM2 names those of an app, of instances that are gone too."""
    pattern = re.compile(rf"{re.escape(name.replace(' ', '-'))}-(?:out|error)(?:-\d+)?\.log")
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry, _ in zip(entries, range(_FILES), strict=False)]
    except OSError:
        return []
    return [folder / one for one in sorted(names) if pattern.fullmatch(one)]


def by_app_name(units: Iterable[Unit]) -> Mapping[str, UnitId]:
    """Return which unit PM2's log means by an app's name; a name that several namespaces share means none of them."""
    found: dict[str, list[UnitId]] = {}
    for unit in units:
        found.setdefault(unit.name.rpartition("/")[2] if "/" in unit.name else unit.name, []).append(unit.id)
    return {name: ids[0] for name, ids in found.items() if len(ids) == 1}


def _unit(kind: str, name: str, logs: Iterable[Path], uid: int) -> Unit:
    return Unit(id=UnitId.local(kind, name), state=UnitState.UNKNOWN, logs=tuple(dict.fromkeys(logs)), uid=uid)
