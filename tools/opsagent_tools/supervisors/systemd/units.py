"""Units as everybody knows them, made of what systemd says of one unit file or of all instances of a template."""

from __future__ import annotations

import pwd
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsagent_tools.processes.proc import key_of
from opsagent_tools.supervisors.systemd import reading
from opsagent_tools.supervisors.systemd.endpoint import Scope, kind_of
from opsagent_tools.supervisors.systemd.outputs import log_files, uses_journal
from opsagent_tools.supervisors.systemd.whose import file_of, instance_of, order_of
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

_CGROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")


@dataclass(slots=True)
class Instance:
    """One unit file or one instance of a template, and what is remembered of it beyond what systemd tells."""

    file: str
    properties: dict[str, Any] = field(default_factory=dict)
    main: ProcessKey | None = None
    restarts: int = 0
    """Starts after the first one that were seen; where nothing was seen, NRestarts."""
    last_exit: int | None = None
    unexplained: int = 0
    """Pid of the main process that is known to be gone, and of whose end systemd has not told yet; 0: none."""
    ended_at: int = 0
    """When its last main process ended, microseconds of the monotonic clock."""
    asked: bool = False
    """Somebody stopped it (seen while it happened)."""
    going: bool = False
    """Its main process is being ended on purpose."""
    told: str = ""
    """The state (of systemd's) that events were last told of."""
    ran: bool = False
    """It had a main process before, or has one."""
    surged: bool = False
    """It stands beside the wanted ones and is not to be replaced."""

    @property
    def state(self) -> UnitState:
        return reading.state_of(self.properties, asked=self.asked)

    @property
    def is_up(self) -> bool:
        """It runs, comes up, or waits to be started again."""
        return self.state in {UnitState.RUNNING, UnitState.STARTING}

    @property
    def is_wanted(self) -> bool:
        """It is up, or would be had it not failed; a stopped one is not."""
        return not self.surged and (self.is_up or self.state in {UnitState.EXITED, UnitState.STOPPING})


def fresh(file: str, properties: dict[str, Any]) -> Instance:
    """Return an instance of which nothing is remembered."""
    pid = reading.pid_of(properties)
    return Instance(
        file=file,
        properties=properties,
        main=key_of(pid) if pid else None,
        restarts=int(properties.get("NRestarts") or 0),
        last_exit=reading.exit_of(properties),
        ended_at=int(properties.get("ExecMainExitTimestampMonotonic") or 0),
        going=reading.is_going(properties),
        told=str(properties.get("ActiveState", "")),
        ran=bool(properties.get("ExecMainStartTimestampMonotonic")),
    )


def unit_of(scope: Scope, name: str, instances: Sequence[Instance], wanted: int | None = None) -> Unit:
    """Return the unit of this name. `wanted`: how many instances were asked for, where that is known."""
    kind, ordered = kind_of(scope), sorted(instances, key=lambda one: order_of(one.file))
    leading = next((one for one in ordered if one.is_up), ordered[0] if ordered else None)
    first: dict[str, Any] = leading.properties if leading is not None else {}
    template = name.endswith("@")
    processes = tuple(process for one in ordered for process in processes_of(one))
    counted = sum(one.is_wanted for one in ordered)
    logs = tuple(dict.fromkeys(path for one in ordered for path in log_files(one.properties)))
    ended = [one for one in ordered if one.last_exit is not None]
    return Unit(
        id=UnitId.local(kind, name),
        state=_state(ordered),
        processes=processes,
        instances=max(wanted or counted, 1) if template else 1,
        restarts=sum(one.restarts for one in ordered),
        last_exit=max(ended, key=lambda one: one.ended_at).last_exit if ended else None,
        reason=_reason(ordered, template=template),
        shares_socket=_has_socket(first),
        surges=template and surges(ordered),
        numbered=template,
        reloads_in_place=bool(first.get("CanReload")),
        autorestart=reading.starts_again(first),
        logs=logs,
        journal=f"{scope}/{file_of(f'{name}*' if template else name)}" if uses_journal(first) else "",
        uid=uid_of(scope, first),
    )


def surges(instances: Sequence[Instance]) -> bool:
    """Tell whether one instance more can stand beside these: only where they show it, by being two or more already.

    Nobody declares ports to systemd. One instance alone may well have bound what the next one needs.
    """
    up = [one for one in instances if one.state is UnitState.RUNNING]
    return len(up) > 1 and all(instance_of(one.file).isdecimal() for one in instances)


def processes_of(instance: Instance) -> tuple[Process, ...]:
    """Return its main process; where systemd does not know which that is (Type=forking), all of its cgroup."""
    wanted = not instance.going
    if instance.main is not None:
        return (Process(key=instance.main, wanted=wanted),)
    properties = instance.properties
    if properties.get("ActiveState") != "active" or properties.get("SubState") != "running":
        return ()
    keys = (key_of(pid) for pid in pids_of_cgroup(str(properties.get("ControlGroup", ""))))
    return tuple(Process(key=key, wanted=wanted) for key in keys if key is not None)


def pids_of_cgroup(cgroup: str) -> tuple[int, ...]:
    """Return the processes of a control group of systemd's."""
    if not cgroup.startswith("/") or ".." in cgroup:
        return ()
    for mounted in _CGROUPS:
        try:
            said = Path(f"{mounted}{cgroup}/cgroup.procs").read_text()
        except OSError:
            continue
        return tuple(int(pid) for pid in said.split())
    return ()


def uid_of(scope: Scope, properties: reading.Properties) -> int:
    """Return the user that its processes run as."""
    import os

    if scope == "user":
        return os.geteuid()
    uid, user = properties.get("UID"), str(properties.get("User", ""))
    if isinstance(uid, int) and uid < 2**32 - 1:
        return uid
    if user.isdecimal():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid if user else 0
    except KeyError:
        return 0


def _state(instances: Sequence[Instance]) -> UnitState:
    states = {one.state for one in instances}
    for state in (UnitState.RUNNING, UnitState.STARTING, UnitState.STOPPING, UnitState.EXITED, UnitState.UNKNOWN):
        if state in states:
            return state
    return UnitState.STOPPED


def _reason(instances: Sequence[Instance], *, template: bool) -> str:
    said = []
    for one in instances:
        reason = reading.reason_of(one.properties)
        if reason and not (one.asked and one.state is UnitState.STOPPED):
            said.append(f"{instance_of(one.file)}: {reason}" if template else reason)
    return "; ".join(said)


def _has_socket(properties: reading.Properties) -> bool:
    return any(str(name).endswith(".socket") for name in properties.get("TriggeredBy") or ())
