"""Which logs of the past there are: of the services that are known, of those that are gone, and files that are named."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from opsagent.replay.daemon_log import DaemonLog
from opsagent.replay.lines import LogSource, Totals, Window
from opsagent.replay.words import Happened, SourceRead, Unread
from opsagent_tools.logs import past_times
from opsagent_tools.logs.past import FILES_MOST, PastFile, family
from opsagent_tools.supervisors.found import Found
from opsagent_tools.supervisors.past import PastKind
from opsagent_tools.units import Unit, UnitId, UnitState

FILE = "file"
"""Kind of the pseudo units that stand for files which are named."""
TOO_OLD = "was last written before the time that is wanted"
"""Why nothing was read of a file that could be."""


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


class Past(Protocol):
    """What the own log of one supervisor tells."""

    @property
    def kind(self) -> str:
        """Return the supervisor's kind."""
        ...

    @property
    def units(self) -> Sequence[Unit]:
        """Return the units that its files know of."""
        ...

    @property
    def log(self) -> DaemonLog:
        """Return its log."""
        ...

    def unit(self, name: str) -> UnitId:
        """Return the unit that its log means."""
        ...


def pasts(wanted: Wanted, window: Window, totals: Totals) -> list[Past]:
    """Read what each supervisor with a log of its own says of the past; of PM2 also where its daemon does not run."""
    found: list[Past] = []
    for one in wanted.supervisors:
        uid = wanted.owners.get(one.kind)
        if one.refused:
            totals.unread.append(Unread(one.address, one.refused))
        if one.refused or not one.kind:
            continue
        if one.family == "pm2":
            from opsagent.replay.pm2 import Pm2Past

            listed = [unit for unit in wanted.units if unit.id.supervisor == one.kind]
            found.append(Pm2Past(one, listed, window, totals, uid))
        elif one.family == "supervisord" and one.pid is not None:
            from opsagent.replay.supervisord import past_of

            past = past_of(one, window, totals, uid)
            found += [past] if past is not None else []
    return found


def happened(past: Past) -> Iterator[Happened]:
    """Give what happened, in order."""
    for event in past.log.events:
        yield Happened(event, past.kind, past.unit(event.name) if event.name else None)


def deaths(past: Past) -> dict[UnitId, list[float]]:
    """Return when each unit died of itself with an exit code: as programs do that trip over something."""
    found: dict[UnitId, list[float]] = {}
    for event in past.log.events:
        if event.kind is PastKind.DIED and (event.exit_code or 0) > 0:
            found.setdefault(past.unit(event.name), []).append(event.at)
    return found


def all_units(wanted: Wanted, found: Iterable[Past]) -> tuple[Unit, ...]:
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
                elif unit.id.supervisor == FILE:
                    totals.unread.append(Unread(os.fspath(path), TOO_OLD if family(path) else "is no regular file"))
                continue
            if len(files) >= FILES_MOST:
                totals.unread.append(Unread(read.name, f"has more than {FILES_MOST:,} files: the oldest are left out"))
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
