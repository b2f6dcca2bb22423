"""Gathers what a preflight is judged by: the supervisor, the journal, the kernel, the health probe. Changes nothing."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsagent.check import Checker, is_stopped_by_signal
from opsagent.claims import Claims
from opsagent.model import Plan
from opsagent.planning import Way, kind_of, way_in
from opsagent.preflight import Known, judge
from opsagent.preflight_items import Preflight
from opsagent.store.journal import Journal
from opsagent.world import World
from opsagent_tools.actions import ActionName
from opsagent_tools.findings import Finding
from opsagent_tools.lint.graceful import ProcessFacts, cut_off, graceful_findings, open_now
from opsagent_tools.lint.source import read_project
from opsagent_tools.probes.health import ask
from opsagent_tools.processes.connections import Guests, guests
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.handling import handling, runtime_of
from opsagent_tools.processes.proc import age_s, read_stat
from opsagent_tools.supervisors.port import Supervisor, SupervisorError
from opsagent_tools.units import Unit, UnitId, UnitSetup

_CPU_LOOK_S = 0.25
_TICK_S = 0.02
"""Start times and file times come from clocks that tick a hundred times a second."""
_KINDS = ("restart", "reload")


class PreflightDesk:
    """Looks before anything is done."""

    def __init__(
        self,
        *,
        supervisors: Mapping[str, Supervisor],
        checker: Checker,
        world: World,
        journal: Journal,
        claims: Claims | None = None,
    ) -> None:
        self._supervisors = supervisors
        self._checker = checker
        self._world = world
        self._journal = journal
        self._claims = claims

    async def of(self, plan: Plan, *, by: str) -> Preflight | None:
        """Look at everything that a plan of this kind is judged by; None where it needs none. Raises SupervisorError."""
        what = kind_of(plan)
        if not what:
            return None
        known = await self._known(plan, what, by)
        return None if known is None else judge(known)

    async def _known(self, plan: Plan, what: str, by: str) -> Known | None:
        unit = await self._checker.unit(plan.unit)
        wanted = _wanted(plan) if what == "scale" else None
        if wanted is not None and wanted >= unit.instances:
            return None
        setup = None
        with suppress(SupervisorError):
            setup = await self._supervisors[unit.id.supervisor].setup(unit.id)
        spec = self._world.spec(unit.id)
        processes = await asyncio.to_thread(_facts, unit)
        started = await asyncio.to_thread(_oldest, unit)
        graceful, coming = await asyncio.to_thread(_graceful, setup, processes, started) if setup else ((), ())
        now, way = datetime.now(UTC), way_in(plan, unit)
        weighs = wanted is not None or way is Way.ONE_BY_ONE
        return Known(
            unit=unit,
            way=way,
            what=what,
            by=by,
            now=now,
            setup=setup,
            probe=await ask(spec.health) if spec is not None and spec.health is not None else None,
            frozen=tuple(one.pid for one in unit.processes if is_stopped_by_signal(one.pid)),
            claim=self._claim(plan),
            graceful=graceful,
            coming=coming,
            counted=any(one.guests is not None for one in processes),
            open_connections=open_now(processes),
            wanted=wanted,
            cores=await asyncio.to_thread(_cores, unit) if weighs else None,
            dependents=tuple(sorted(one.name for one in self._world.all_downstream(unit.id))),
            **await asyncio.to_thread(self._written, unit.id, what, now),
        )

    def _claim(self, plan: Plan) -> Any:
        held = self._claims.held(plan.unit) if self._claims is not None else None
        return None if held is None or held.plan == plan.id else held

    def _written(self, unit: UnitId, what: str, now: datetime) -> dict[str, Any]:
        """Return what the journal knows of the unit."""
        journal = self._journal
        return {
            "incident": next((row for row in journal.unfinished_incidents() if row.unit == unit), None),
            "hold": next((row for row in journal.holds(now) if row.unit == unit), None),
            "deploy": journal.open_deploy(unit, now),
            "broken_off": _broken_off(journal, unit),
            "last": journal.last_change(unit, (what,)),
            "last_gap": journal.last_change(unit, _KINDS, done=True, way=Way.RESTART),
        }


def _broken_off(journal: Journal, unit: UnitId) -> int | None:
    """Return how many instances the unit had when a reload began that nobody ended."""
    begun = [row for row in journal.unfinished_steps() if row.step.action.unit == unit]
    reloads = [row for row in begun if row.step.action.name is ActionName.RELOAD and "instances" in row.state_before]
    if not reloads:
        return None
    since = journal.last_change(unit, (*_KINDS, "scale"), done=True)
    latest = max(reloads, key=lambda row: row.intended_at)
    return None if since is not None and since.at > latest.intended_at else int(latest.state_before["instances"])


def _wanted(plan: Plan) -> int:
    return int(plan.steps[-1].action.args["instances"])


def _facts(unit: Unit) -> tuple[ProcessFacts, ...]:
    tree = parents()
    found = []
    for process in unit.processes:
        members = with_descendants([process.pid], tree)
        found.append(
            ProcessFacts(
                pid=process.pid,
                runtime=runtime_of(process.pid),
                handling=handling(process.pid),
                guests=_sum(guests(members)),
            )
        )
    return tuple(found)


def _sum(each: Mapping[int, Guests] | None) -> Guests | None:
    if each is None:
        return None
    return Guests(
        waiting=sum(one.waiting for one in each.values()),
        idle=sum(one.idle for one in each.values()),
        longest_s=max((one.longest_s for one in each.values()), default=0.0),
    )


def _graceful(
    setup: UnitSetup, processes: Sequence[ProcessFacts], started: float
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Return what would be cut off now, and what the next reload would cut off where the source was changed meanwhile."""
    project = read_project(setup)
    text = None if project.unread else project.text
    changed = [one.path for one in project.sources if _changed_at(one.path) > started + _TICK_S]
    if not changed or not processes or processes[0].runtime != "node":
        return graceful_findings(setup, processes, text), ()
    seen = graceful_findings(setup, processes, None)
    why = (
        f"{changed[0].name} was changed since these instances were started: whether they end gracefully cannot be read"
    )
    unread = tuple(
        replace(one, says=f"{why}; {cut_off(processes)}") if one.check == "reload/handler_not_seen" else one
        for one in seen
    )
    coming = tuple(
        replace(one, says=f"of what is started now: {one.says.rpartition('; ')[0] or one.says}")
        for one in graceful_findings(setup, processes, text)
        if one.check not in {each.check for each in seen}
    )
    return unread, coming


def _oldest(unit: Unit) -> float:
    """Return when the oldest instance was started."""
    ages = [age for process in unit.processes if (age := age_s(process.pid)) is not None]
    return time.time() - max(ages, default=0.0)


def _changed_at(path: Path) -> float:
    """Return when the script, or a link on the way to it, was changed last."""
    links = [one.lstat() for one in (path, *path.parents)]
    return max([path.stat().st_mtime, path.stat().st_ctime, *(s.st_ctime for s in links if stat.S_ISLNK(s.st_mode))])


def _cores(unit: Unit) -> float | None:
    """Return how many cores the instances use together now."""
    first = _cpu_s(unit)
    began = time.monotonic()
    time.sleep(_CPU_LOOK_S)
    second = _cpu_s(unit)
    if not first or first.keys() != second.keys():
        return None
    return sum(second[pid] - first[pid] for pid in first) / (time.monotonic() - began)


def _cpu_s(unit: Unit) -> dict[int, float]:
    found = {process.pid: read_stat(process.pid) for process in unit.processes}
    return {pid: seen.cpu_s for pid, seen in found.items() if seen is not None}
