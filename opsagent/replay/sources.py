"""Which logs of the past there are: of the services that are known, of those that are gone, and files that are named."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsagent.replay.lines import LogSource, Totals, Window
from opsagent.replay.pm2 import Pm2Past
from opsagent.replay.words import SourceRead, Unread
from opsagent_tools.logs import past_times
from opsagent_tools.logs.past import PastFile, family
from opsagent_tools.supervisors.found import Found
from opsagent_tools.units import Unit, UnitId, UnitState

FILE = "file"
"""Kind of the pseudo units that stand for files which are named."""


@dataclass(slots=True, kw_only=True)
class Wanted:
    """What is to be replayed."""

    units: tuple[Unit, ...] = ()
    """As their supervisors list them now."""
    supervisors: tuple[Found, ...] = ()
    owners: dict[str, int] = field(default_factory=dict)
    """Whose the files of a kind must be, where that is another user's."""
    files: tuple[Path, ...] = ()
    only: frozenset[UnitId] | None = None
    """These units alone; None: all of them."""


def pasts(wanted: Wanted, window: Window, totals: Totals) -> list[Pm2Past]:
    """Read what each PM2 says of its past, whether its daemon runs or not."""
    found = []
    for one in wanted.supervisors:
        if one.family == "pm2" and not one.refused and one.kind:
            listed = [unit for unit in wanted.units if unit.id.supervisor == one.kind]
            found.append(Pm2Past(one, listed, window, totals, wanted.owners.get(one.kind)))
    return found


def all_units(wanted: Wanted, found: Iterable[Pm2Past]) -> tuple[Unit, ...]:
    """Return every unit that has a past, those that only logs know of among them, and the named files."""
    known = {unit.id: unit for unit in wanted.units}
    known |= {unit.id: unit for past in found for unit in past.units}
    names: dict[str, int] = {}
    for path in dict.fromkeys(wanted.files):
        stem = path.name.partition(".")[0] or path.name
        names[stem] = names.get(stem, 0) + 1
        name = stem if names[stem] == 1 else f"{stem}-{names[stem]}"
        unit = UnitId.local(FILE, name)
        known[unit] = Unit(id=unit, state=UnitState.UNKNOWN, logs=(path,), autorestart=False)
    return tuple(known.values())


def log_sources(units: Sequence[Unit], wanted: Wanted, window: Window, totals: Totals) -> list[LogSource]:
    """Return the logs of these units, each file once, with how their times are to be read."""
    taken: dict[tuple[int, int], str] = {}
    found = []
    for unit in units:
        uid = wanted.owners.get(unit.id.supervisor)
        for path in unit.logs:
            read = SourceRead(name=os.fspath(path), what="log", unit=unit.id)
            files = _untaken(family(path, since=window.since), taken, unit, totals)
            if not files:
                if unit.id.supervisor == FILE and not path.exists():
                    totals.unread.append(Unread(os.fspath(path), "is not there"))
                elif unit.id.supervisor == FILE and not family(path):
                    totals.unread.append(Unread(os.fspath(path), "is no regular file"))
                continue
            times = past_times.look(files, uid)
            files = past_times.in_order(files, uid, times.zone)
            read.packed_bytes = sum(file.size for file in files)
            found.append(LogSource(unit.id, read, files, times, uid))
    return found


def _untaken(
    files: Sequence[PastFile], taken: dict[tuple[int, int], str], unit: Unit, totals: Totals
) -> list[PastFile]:
    """Leave out files that another log has already: two units that write into one file are told once."""
    free = []
    for file in files:
        other = taken.get(file.identity)
        if other is None:
            taken[file.identity] = unit.name
            free.append(file)
        elif other != unit.name:
            totals.unread.append(Unread(os.fspath(file.path), f"is a log of {other} too, and told as that one's"))
    return free
