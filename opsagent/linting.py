"""`opsagent lint`'s look: every supervisor's own findings, and each service judged by what was gathered of it.

Works without the daemon: supervisors are opened, asked and closed. Nothing is changed, and no service is connected to.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from opsagent.config import Config
from opsagent.home import Home
from opsagent.rotators import family_of, rotated_by
from opsagent_tools.findings import Finding
from opsagent_tools.lint.graceful import ProcessFacts
from opsagent_tools.lint.limits import room_of
from opsagent_tools.lint.rules import in_order, judge
from opsagent_tools.lint.source import read_project
from opsagent_tools.lint.subject import LogSeen, Subject
from opsagent_tools.processes.connections import Guests, guests
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.handling import handling, runtime_of
from opsagent_tools.processes.listening import holders, listening
from opsagent_tools.processes.sweep import sweep
from opsagent_tools.supervisors.discover import Found, discover, open_supervisor
from opsagent_tools.supervisors.port import Supervisor, SupervisorError
from opsagent_tools.units import Unit, UnitId, UnitSetup

_ANSWER_S = 15.0
_SAME: Mapping[str, tuple[str, ...]] = {
    "limits/open_files": ("supervisord/minfds_low",),
    "reload/behind_a_shell": ("supervisord/shell_wrapper",),
    "logs/unrotated": ("pm2/logs_unrotated", "supervisord/log_unbounded"),
    "boot/not_at_boot": ("pm2/no_startup", "pm2/save_out_of_date", "supervisord/no_boot_unit"),
}
"""What a supervisor's adapter says already, and better, where it says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found."""

    findings: tuple[Finding, ...] = ()
    subjects: tuple[Subject, ...] = ()
    """Every service that was looked at."""
    unseen: Mapping[str, str] = field(default_factory=dict)
    """What could not be looked at, and why: a supervisor's kind or address, a unit's id."""


async def look(home: Home, config: Config) -> Report:
    """Look at every service of every supervisor."""
    opened, unseen = await asyncio.to_thread(_open_all, home, config)
    try:
        reports = await asyncio.gather(*(_look_at(kind, supervisor) for kind, supervisor in opened.items()))
    finally:
        for supervisor in opened.values():
            with suppress(SupervisorError, OSError):
                await supervisor.close()
    for one in reports:
        unseen.update(one.unseen)
    return Report(
        findings=in_order(finding for one in reports for finding in one.findings),
        subjects=tuple(subject for one in reports for subject in one.subjects),
        unseen=unseen,
    )


def _open_all(home: Home, config: Config) -> tuple[dict[str, Supervisor], dict[str, str]]:
    from opsagent import kinds
    from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
    from opsagent_tools.supervisors.circus.engine import Engine

    opened: dict[str, Supervisor] = {"circus": CircusSupervisor(Engine(home.engine_dir, home.runtime_dir))}
    unseen: dict[str, str] = {}
    for one in discover(config.supervisors, known=kinds.load(home.path)):
        if one.refused:
            unseen[one.kind or f"{one.family} at {one.address}"] = one.refused
        elif one.usable:
            _open(one, opened, unseen)
    return opened, unseen


def _open(one: Found, opened: dict[str, Supervisor], unseen: dict[str, str]) -> None:
    try:
        opened[one.kind] = open_supervisor(one)
    except (SupervisorError, ValueError, OSError) as error:
        unseen[one.kind] = str(error)
    except KeyError:
        unseen[one.kind] = f"{one.family} cannot be opened here"


async def _look_at(kind: str, supervisor: Supervisor) -> Report:
    """Look at one supervisor; one that does not answer keeps nobody from the others."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            units = await supervisor.list()
            own = await supervisor.findings()
            return await _judged(supervisor, units, own)
    except TimeoutError:
        return Report(unseen={kind: f"it did not answer within {_ANSWER_S:g} s"})
    except (SupervisorError, OSError) as error:
        return Report(unseen={kind: " ".join(str(error).split()) or type(error).__name__})


async def _judged(supervisor: Supervisor, units: Sequence[Unit], said: Sequence[Finding]) -> Report:
    findings, subjects, unseen = list(said), [], {}
    daemon = (await supervisor.daemon()).pid
    ports, shared = await asyncio.to_thread(ports_of, units, daemon)
    for unit in units:
        try:
            setup = await supervisor.setup(unit.id)
        except SupervisorError as error:
            unseen[str(unit.id)] = " ".join(str(error).split())
            continue
        own = ports.get(unit.id) or _of_shared(unit, setup, shared)
        subject = await _subject(supervisor, unit, setup, own)
        subjects.append(subject)
        findings += [one for one in judge(subject) if not _is_said(one, said)]
    return Report(findings=tuple(findings), subjects=tuple(subjects), unseen=unseen)


def _is_said(one: Finding, said: Iterable[Finding]) -> bool:
    same = _SAME.get(one.check, ())
    return any(other.check in same and other.unit in {None, one.unit} for other in said)


async def _subject(supervisor: Supervisor, unit: Unit, setup: UnitSetup, ports: tuple[int, ...]) -> Subject:
    processes = await asyncio.to_thread(facts_of, unit)
    return Subject(
        unit=unit,
        setup=setup,
        processes=processes,
        rooms=tuple([await asyncio.to_thread(room_of, one.pid) for one in processes]),
        logs=tuple([await _log(supervisor, unit, path, setup) for path in unit.logs if path.is_file()]),
        project=await asyncio.to_thread(read_project, setup),
        ports=tuple(sorted({*ports, *unit.ports})),
        cores=os.cpu_count() or 1,
        family=family_of(unit.id.supervisor),
    )


async def _log(supervisor: Supervisor, unit: Unit, path: Path, setup: UnitSetup) -> LogSeen:
    return LogSeen(
        path=path,
        size=path.stat().st_blocks * 512,
        rotated_by=await rotated_by(supervisor, unit, path, setup),
    )


def facts_of(unit: Unit) -> tuple[ProcessFacts, ...]:
    """Ask the kernel about each instance of a unit; who is connected is counted with all its descendants."""
    tree = parents()
    found = []
    for process in unit.processes:
        seen = guests(with_descendants([process.pid], tree))
        found.append(
            ProcessFacts(
                pid=process.pid,
                runtime=runtime_of(process.pid),
                handling=handling(process.pid),
                guests=None if seen is None else _together(seen.values()),
            )
        )
    return tuple(found)


def _together(each: Iterable[Guests]) -> Guests:
    seen = tuple(each)
    return Guests(
        waiting=sum(one.waiting for one in seen),
        idle=sum(one.idle for one in seen),
        longest_s=max((one.longest_s for one in seen), default=0.0),
    )


def _of_shared(unit: Unit, setup: UnitSetup, shared: tuple[int, ...]) -> tuple[int, ...]:
    """Return the port of a unit whose listening socket its supervisor holds: the one that its environment names."""
    named = setup.env.get("PORT", "")
    return (int(named),) if unit.shares_socket and named.isdecimal() and int(named) in shared else ()


def ports_of(units: Sequence[Unit], daemon: int | None) -> tuple[dict[UnitId, tuple[int, ...]], tuple[int, ...]]:
    """Return the TCP ports that each unit's processes, or what descends from them, hold open, and those that their
    supervisor holds itself. Where it holds one for a single unit, that is whose it is. Nothing is connected to.
    """
    tree, sockets = parents(), listening()
    held = holders((one.inode for one in sockets), sweep().processes)

    def of(members: set[int]) -> tuple[int, ...]:
        return tuple(sorted({one.port for one in sockets if members & set(held.by_inode.get(one.inode, ()))}))

    found = {unit.id: of(set(with_descendants([one.pid for one in unit.processes], tree))) for unit in units}
    shared = of({daemon}) if daemon is not None and daemon > 1 else ()
    sharing = [unit for unit in units if unit.shares_socket and unit.processes and not found[unit.id]]
    if len(sharing) == 1 and shared:
        found[sharing[0].id] = shared
    return found, shared
