"""What systemd's properties of one unit file (`api.service`, `worker@3.service`) mean. Pure.

Names and meanings: org.freedesktop.systemd1(5); results and states: systemd.service(5), systemctl(1).
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from opsagent_tools.units import UnitState

Properties = Mapping[str, Any]

_INFINITY = 2**64 - 1
_EXITED, _KILLED, _DUMPED = 1, 2, 3
"""CLD_EXITED, CLD_KILLED, CLD_DUMPED of waitid(2)."""
_BY_ITSELF = frozenset({"watchdog", "oom-kill", "protocol", "resources", "start-limit-hit", "exec-condition"})
"""Results that never come of a person's stop, although systemd ended the process."""
_PULLED_IN_BY = ("WantedBy", "RequiredBy", "UpheldBy", "BoundBy", "RequisiteOf", "TriggeredBy")
_WORDS = {
    "exit-code": "its process ended with exit code {status}",
    "signal": "its process was killed by {signal}",
    "core-dump": "its process dumped core on {signal}",
    "timeout": "systemd waited in vain (timeout) and killed it",
    "watchdog": "it did not answer its watchdog in time (watchdog) and was killed",
    "oom-kill": "the kernel was out of memory (oom-kill) and killed a process of it",
    "start-limit-hit": "it was started too often within a short time (start-limit-hit): systemd gave up",
    "protocol": "it did not keep to the protocol of its Type= (protocol)",
    "resources": "systemd could not set up what it needs (resources)",
    "exec-condition": "its ExecCondition= said no (exec-condition)",
}
_STATES = {
    "active": UnitState.RUNNING,
    "reloading": UnitState.RUNNING,
    "refreshing": UnitState.RUNNING,
    "maintenance": UnitState.RUNNING,
    "activating": UnitState.STARTING,
    "deactivating": UnitState.STOPPING,
}


def seconds(micros: Any) -> float | None:
    """Return seconds of systemd's microseconds; None for infinity."""
    return None if not isinstance(micros, int) or micros >= _INFINITY else micros / 1e6


def limit(value: Any) -> int | None:
    """Return a limit in bytes or numbers; None for infinity."""
    return None if not isinstance(value, int) or value >= _INFINITY else value


def pid_of(properties: Properties) -> int:
    """Return the pid of the main process, 0 for none."""
    return int(properties.get("MainPID") or 0)


def exit_of(properties: Properties) -> int | None:
    """Return how the main process ended, -N for signal N; None while it runs or where it never did."""
    if not properties.get("ExecMainExitTimestampMonotonic"):
        return None
    code, status = int(properties.get("ExecMainCode", 0)), int(properties.get("ExecMainStatus", 0))
    if code == _EXITED:
        return status
    return -status if code in {_KILLED, _DUMPED} else None


def has_job(properties: Properties) -> bool:
    """Tell whether systemd has a job (start, stop …) for it that is not done yet."""
    job = properties.get("Job")
    return bool(job and job[0])


def was_asked(properties: Properties) -> bool:
    """Tell whether the main process ended because systemd was asked to stop the unit, not by itself.

    On a stop the unit leaves `active` before its process has ended; after a death it leaves it afterwards. That holds
    for all results, also where a stopped program ends with an error code.
    """
    if properties.get("Result") in _BY_ITSELF:
        return False
    if properties.get("Result") == "timeout" and seconds(properties.get("RuntimeMaxUSec", _INFINITY)) is not None:
        return False
    started = int(properties.get("ExecMainStartTimestampMonotonic") or 0)
    left = int(properties.get("ActiveExitTimestampMonotonic") or 0)
    ended = int(properties.get("ExecMainExitTimestampMonotonic") or 0)
    return 0 < started <= left < ended


def is_going(properties: Properties) -> bool:
    """Tell whether systemd is ending a main process that still lives, because it was asked to."""
    alive = pid_of(properties) > 0 and not properties.get("ExecMainExitTimestampMonotonic")
    return alive and properties.get("ActiveState") == "deactivating" and properties.get("Result") == "success"


def state_of(properties: Properties, *, asked: bool = False) -> UnitState:
    """Return the state. `asked`: it was seen that somebody stopped it."""
    state = str(properties.get("ActiveState", ""))
    if state in _STATES:
        return _STATES[state]
    if state not in {"inactive", "failed"}:
        return UnitState.UNKNOWN
    if properties.get("Result") == "start-limit-hit":
        return UnitState.EXITED
    never_ran = not properties.get("ExecMainStartTimestampMonotonic")
    if asked or was_asked(properties) or (never_ran and state == "inactive"):
        return UnitState.STOPPED
    # Restart=always and nothing failed: systemd would have started it again had nobody said otherwise.
    return UnitState.STOPPED if state == "inactive" and properties.get("Restart") == "always" else UnitState.EXITED


def reason_of(properties: Properties) -> str:
    """Return why it is in its state, one line; empty where there is nothing to say."""
    state, result = str(properties.get("ActiveState", "")), str(properties.get("Result", "success"))
    if state == "activating" and properties.get("SubState") == "auto-restart":
        said = seconds(properties.get("RestartUSec"))
        wait = f"; systemd starts it again after {said:g} s" if said is not None else ""
        return f"{explain(properties)}{wait}"
    if state == "failed" or result == "start-limit-hit":
        limit = f"; systemd gave up after {properties.get('NRestarts', 0)} restarts (start-limit-hit)"
        return explain(properties) + (limit if gave_up(properties) and result != "start-limit-hit" else "")
    if state == "inactive" and properties.get("ExecMainStartTimestampMonotonic") and not was_asked(properties):
        ended = exit_of(properties)
        return "" if ended is None or properties.get("Restart") == "always" else f"its process ended {_how(ended)}"
    return ""


def explain(properties: Properties) -> str:
    """Return the unit's Result in words, one line."""
    result = str(properties.get("Result", ""))
    if properties.get("LoadState") in {"bad-setting", "error", "not-found", "masked"} and result in {"", "success"}:
        return f"systemd cannot load it ({properties['LoadState']})"
    ended = exit_of(properties)
    if result in {"", "success"}:
        return "its process ended" if ended is None else f"its process ended {_how(ended)}"
    words = _WORDS.get(result, f"it failed ({result})")
    return words.format(status=ended if ended is not None else "?", signal=_signal_name(-(ended or 0)))


def gave_up(properties: Properties) -> bool:
    """Tell whether systemd would have restarted it, but for its StartLimit. Its Result stays that of the last crash."""
    if properties.get("Result") == "start-limit-hit":
        return True
    return properties.get("ActiveState") == "failed" and starts_again(properties) and bool(properties.get("NRestarts"))


def is_pulled_in(properties: Properties) -> bool:
    """Tell whether other units (a target, a timer, a socket) start it."""
    return any(properties.get(name) for name in _PULLED_IN_BY)


def says_ready(properties: Properties) -> bool:
    """Tell whether a new process counts as ready only once it said so."""
    return str(properties.get("Type", "")) in {"notify", "notify-reload", "dbus"}


def starts_again(properties: Properties) -> bool:
    """Tell whether systemd starts it again after a crash."""
    return str(properties.get("Restart", "no")) in {"always", "on-failure", "on-abnormal"}


def commands(properties: Properties, name: str) -> tuple[tuple[str, ...], ...]:
    """Return the command lines of `ExecStart`, `ExecReload` …: program and arguments."""
    found = properties.get(name) or ()
    return tuple(tuple(str(part) for part in (one[1] or [one[0]])) for one in found if len(one) > 1)


def _how(ended: int) -> str:
    return f"by {_signal_name(-ended)}" if ended < 0 else f"with exit code {ended}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
