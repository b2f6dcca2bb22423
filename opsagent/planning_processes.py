"""Rows of steps that are about single processes, and the one that sheds load. Pure."""

from __future__ import annotations

from opsagent.model import Check, CheckKind, Step
from opsagent.planning_parts import action_of, start_timeout_s, stop_timeout_s
from opsagent_tools.actions import ActionName
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

_LOWEST = 19
_DRAINED_S = 15.0
"""How long a server may take to be well again once nobody floods it."""


def renice_steps(unit: Unit, were: str, *, nice: int = _LOWEST) -> tuple[Step, ...]:
    """Lower the priority of the unit's processes. `were`: how each of them is weighed now (`priority.Priority`)."""
    return (
        Step(
            action=action_of(ActionName.RENICE, unit.id, were=were, nice=nice),
            goal=Check(kind=CheckKind.NICED, unit=unit.id, args={"were": were, "nice": nice}),
            undo=action_of(ActionName.RENICE, unit.id, were=were, back=True),
            timeout_s=5.0,
            why=f"{unit.name} takes the processor from the others",
        ),
    )


def shed_load_steps(client: Unit, server: UnitId, spec: ServiceSpec | None = None) -> tuple[Step, ...]:
    """Take the client away, wait until the server is well without it, and start the client again.

    Undo of the first step is the start of the client: however it ends, the client is not left stopped.
    """
    start = action_of(ActionName.START, client.id)
    return (
        Step(
            action=action_of(ActionName.STOP, client.id),
            goal=Check(kind=CheckKind.DOWN, unit=client.id),
            undo=start,
            timeout_s=stop_timeout_s(spec),
            why=f"it asks {server.name} again and again, faster than that can answer",
        ),
        Step(
            action=start,
            gate=Check(kind=CheckKind.HEALTHY, unit=server),
            goal=Check(kind=CheckKind.HEALTHY, unit=client.id),
            timeout_s=_DRAINED_S + start_timeout_s(spec),
            why=f"{server.name} is well again",
        ),
    )


def signal_steps(unit: Unit, pid: int, started: float, name: str) -> tuple[Step, ...]:
    """Send one signal to one process. What it does is the program's: nothing tells whether it did."""
    return (
        Step(
            action=action_of(ActionName.SIGNAL, unit.id, pid=pid, started=started, signal=name),
            goal=Check(kind=CheckKind.ALWAYS, unit=unit.id),
            timeout_s=2.0,
        ),
    )


def end_session_steps(unit: Unit, pid: int, started: float) -> tuple[Step, ...]:
    """End one session of a database server."""
    return (
        Step(
            action=action_of(ActionName.END_SESSION, unit.id, pid=pid, started=started),
            goal=Check(kind=CheckKind.PROCESS_GONE, unit=unit.id, args={"pid": pid, "started": started}),
            timeout_s=10.0,
            why=f"session {pid} keeps others waiting and does nothing",
        ),
    )


def free_port_steps(unit: Unit, port: int, pid: int, started: float) -> tuple[Step, ...]:
    """End whoever holds the unit's port."""
    return (
        Step(
            action=action_of(ActionName.FREE_PORT, unit.id, port=port, pid=pid, started=started),
            goal=Check(kind=CheckKind.PROCESS_GONE, unit=unit.id, args={"pid": pid, "started": started}),
            timeout_s=15.0,
            why=f"process {pid} holds port {port} of {unit.name}",
        ),
    )
