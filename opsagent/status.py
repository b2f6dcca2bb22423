"""What the daemon tells of itself and of all units, for those who ask over the local API. Reads memory and the journal."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsagent import __version__, roster, topology_report
from opsagent_tools.supervisors.found import Found
from opsagent_tools.units import Unit

if TYPE_CHECKING:
    from opsagent.agent import Agent


def status(agent: Agent) -> dict[str, Any]:
    """Return how the daemon is, and what only it knows of each unit."""
    return {
        **_daemon(agent),
        "home": str(agent.home.path),
        "memory_loaded": agent.desk.is_open,
        "policy": {
            "version": agent.policy.version,
            "mode": agent.policy.mode if isinstance(agent.policy.mode, str) else dict(agent.policy.mode),
        },
        "supervisors": [_supervisor(agent, one) for one in agent.supervised.found],
        "units": [
            {"id": str(unit.id), "name": unit.name, "state": unit.state.value, **known}
            for unit, known in _known(agent, agent.world.units.values())
        ],
    }


def listing(agent: Agent) -> dict[str, Any]:
    """Return what `opsagent ps` shows, from the live picture: nobody is asked for it."""
    world, engine_pid = agent.world, agent.engine.pid()
    units = {**world.units, **{unit.id: unit for unit in _of_an_engine_that_is_down(agent, engine_pid)}}
    live = {unit.id: known for unit, known in _known(agent, units.values())}
    rows = [
        roster.unit_row(
            _as_it_stands(unit, lost=unit.id.supervisor in world.lost),
            down=not unit.processes and (unit.id.supervisor in world.lost or unit.id not in world.units),
            spec=world.spec(unit.id),
            found_ports=world.found_ports.get(unit.id, ()),
            live=live.get(unit.id),
        )
        for unit in roster.in_order(units.values())
    ]
    unsupervised = [roster.unsupervised_row(one) for one in agent.supervised.unsupervised]
    return {
        "home": str(agent.home.path),
        "engine": {"running": engine_pid is not None, "pid": engine_pid},
        "daemon": _daemon(agent),
        "supervisors": [_supervisor(agent, one, options=False) for one in agent.supervised.found],
        "units": rows,
        "unsupervised": unsupervised,
    }


def topology(agent: Agent) -> dict[str, Any]:
    """Return what `opsagent map` shows: who was seen to talk to whom for as long as it is known."""
    world, looker = agent.world, agent.topology.looker
    return topology_report.report(
        world,
        datetime.now(UTC),
        source="daemon",
        hidden=looker.hidden,
        in_passing=looker.in_passing,
        known={unit.id: known for unit, known in _known(agent, world.units.values())},
    )


def _of_an_engine_that_is_down(agent: Agent, pid: int | None) -> list[Unit]:
    specs = agent.world.specs.items() if pid is None else ()
    ours = [roster.down_unit(spec) for name, spec in specs if name == f"{roster.ENGINE_KIND}:{spec.name}"]
    return [unit for unit in ours if unit.id not in agent.world.units]


def _daemon(agent: Agent) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "version": __version__,
        "started_at": agent.started_at.isoformat(),
        "paused": bool(agent.journal.paused()),
    }


def _known(agent: Agent, units: Iterable[Unit]) -> Iterator[tuple[Unit, dict[str, Any]]]:
    incidents, holds, health = agent.incidents(), agent.situations.holds(), agent.world.health
    now = datetime.now(UTC)
    for unit in units:
        state = health.get(unit.id)
        yield (
            unit,
            {
                "health": None if state is None else state.ok,
                "mode": agent.policy.shown_mode(agent.world.spec(unit.id)),
                "incident": incidents.get(unit.id),
                "hold": holds.get(unit.id),
                "maintenance": agent.world.in_maintenance(unit.id, now) or None,
            },
        )


def _supervisor(agent: Agent, one: Found, *, options: bool = True) -> dict[str, Any]:
    problem = agent.supervised.problem(one)
    ended = agent.world.ended.get(one.kind, "")
    if not problem and not ended and one.kind in agent.world.lost:
        problem = "its daemon is gone"
    row = roster.supervisor_row(one, error=problem)
    if ended and not one.refused:
        row |= {"state": "idle", "reason": ended}
    return {**row, "options": dict(one.options)} if options else row


def _as_it_stands(unit: Unit, *, lost: bool) -> Unit:
    """Its supervisor is gone: what it said last is told as that."""
    if not lost:
        return unit
    reason = "its supervisor is gone" + (", its processes live on" if unit.processes else "")
    return replace(unit, reason=reason)
