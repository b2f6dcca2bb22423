"""Gathers evidence: runs the probes that decide wants, side by side, each within its time, changing nothing.

Every request gets exactly one piece of evidence, also where a probe could not find out (`failed` says why), so that
nothing is asked twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from opsagent.model import Evidence, EvidenceKind, ProbeRequest
from opsagent.probes import (
    answers,
    callers,
    certificates,
    chain,
    changes,
    clients,
    configuration,
    environment,
    files,
    instances,
    kernel,
    left,
    locks,
    machine,
    neighbours,
    ports,
    resolver,
    service,
    supervised,
    threads,
    upstream,
    work,
)
from opsagent.probes import releases as releases_probe
from opsagent.probes.costs import PROBE_COSTS
from opsagent.probes.of_files import OF_FILES, WATCH_S
from opsagent.probes.patience import Patience
from opsagent.probes.room import Found, Probe, Room
from opsagent.releases.keeper import Keeper
from opsagent.world import World
from opsagent_tools.supervisors.port import Supervisor, SupervisorError
from opsagent_tools.units import UnitId

__all__ = ["PROBES", "PROBE_COSTS", "gather"]

_LOG = logging.getLogger(__name__)
_PATIENCE = Patience()
_TIMEOUT_S = 4.0
"""For a machine that is overloaded itself; mostly a probe takes milliseconds, and none looks longer than 1.6 s."""
_HEALTH_SLACK_S = 0.5
_DAEMON_S = 24.0
"""A supervisor that hangs is asked twice, and lets each question wait for ten seconds."""

PROBES: Mapping[str, Probe] = MappingProxyType(
    {
        "unit_state": supervised.unit_state,
        "supervisor_state": supervised.supervisor_state,
        "dependencies": supervised.dependencies,
        "dependency_probe": upstream.dependency_probe,
        "who_is_at_work": work.who_is_at_work,
        "limits": machine.limits,
        "clock": machine.clock,
        "health_now": service.health_now,
        "recent_errors": service.recent_errors,
        "last_log": service.last_log,
        "process_state": kernel.process_state,
        "connections": kernel.connections_of,
        "memory": kernel.memory,
        "room_left": left.room_left,
        "port_holder": ports.port_holder,
        "config_changed": configuration.config_changed,
        "callers": callers.callers,
        "changes": changes.changes,
        "environment_changed": environment.environment_changed,
        "certificates": certificates.certificates,
        "resolver": resolver.resolver,
        "release_changed": releases_probe.release_changed,
        "disk": files.disk,
        **OF_FILES,
        "executable": files.executable,
        "stale_lock": locks.stale_lock,
        "answers": answers.answers,
        "wait_chain": chain.wait_chain,
        "clients": clients.clients,
        "held_open": clients.held_open,
        "workers": instances.workers,
        "cpu_hogs": neighbours.cpu_hogs,
        "threads": threads.threads,
    }
)
"""Every probe by name; what each costs: `opsagent.probes.costs`, one line there too."""

_ASKS_HEALTH = frozenset({"health_now", "dependencies", "dependency_probe"})


async def gather(
    requests: Sequence[ProbeRequest],
    world: World,
    supervisors: Mapping[str, Supervisor],
    now: datetime,
    *,
    last_good_dir: Path | None = None,
    releases: Keeper | None = None,
    people: Callable[[UnitId], tuple[str, str]] | None = None,
) -> tuple[Evidence, ...]:
    """Run the probes and return one piece of evidence for each, in the order of the requests."""
    _PATIENCE.make_room()
    room = Room(
        world=world, supervisors=supervisors, now=now, last_good_dir=last_good_dir, releases=releases, people=people
    )
    try:
        return tuple(await asyncio.gather(*(_run(room, request) for request in requests)))
    finally:
        room.close()


async def _run(room: Room, request: ProbeRequest) -> Evidence:
    found = await _found(room, request)
    return Evidence(
        probe=request.probe, kind=found.kind, unit=request.unit, at=room.now, facts=found.facts, text=found.text
    )


async def _found(room: Room, request: ProbeRequest) -> Found:
    probe = PROBES.get(request.probe)
    if probe is None:
        return _failed(f"there is no probe {request.probe}")
    if _PATIENCE.is_left_alone(request):
        return _failed("it did not come back a moment ago")
    try:
        async with asyncio.timeout(_timeout_s(room, request)):
            return await probe(room, request.unit)
    except TimeoutError:
        if request.probe not in _ASKS_HEALTH:  # those are asked over the network, and keep no thread
            _PATIENCE.hung(request)
        return _failed("no answer in time")
    except SupervisorError as error:
        return _failed(f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001  one broken probe must not end an investigation
        _LOG.exception("probe %s of %s", request.probe, request.unit)
        return _failed(type(error).__name__)


def _failed(why: str) -> Found:
    return Found(kind=EvidenceKind.PROBE, facts={"failed": why, "said": f"could not find out: {why}"})


def _timeout_s(room: Room, request: ProbeRequest) -> float:
    """A health probe has the time that its service was given, a daemon that of its answers; no other has to wait."""
    if request.probe == "supervisor_state":
        return _DAEMON_S
    if request.probe in WATCH_S:
        return WATCH_S[request.probe]
    if request.probe not in _ASKS_HEALTH:
        return _TIMEOUT_S
    return max(_TIMEOUT_S, *(_health_s(room, unit) for unit in _asked(room, request))) + _HEALTH_SLACK_S


def _asked(room: Room, request: ProbeRequest) -> tuple[UnitId, ...]:
    return (request.unit, *room.world.all_upstream(request.unit))


def _health_s(room: Room, unit: UnitId) -> float:
    spec = room.spec(unit)
    return spec.health.timeout_s if spec is not None and spec.health is not None else 0.0
