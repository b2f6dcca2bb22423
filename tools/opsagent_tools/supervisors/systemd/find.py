"""Which instances of systemd there are: the machine's own, and that of the agent's user."""

from __future__ import annotations

import stat
from pathlib import Path

from opsagent_tools.supervisors.found import Found, Machine, Wanted, user_of

_NAME = "systemd"


def find(machine: Machine, wanted: Wanted) -> tuple[Found, ...]:
    """Return the system's instance and the user's, where they run."""
    if not wanted.discover and not wanted.systemd_units:
        return ()
    options = {"units": wanted.systemd_units, "exclude": wanted.systemd_exclude}
    found = []
    first = machine.sweep.processes.get(1)
    if first is not None and first.name == _NAME and (machine.run / "systemd/system").is_dir():
        found.append(Found(family="systemd", address="system", uid=0, pid=1, why="it is process 1", options=options))
    folder = Path(machine.environ.get("XDG_RUNTIME_DIR") or machine.run / "user" / str(machine.uid))
    pid = _user_manager(machine)
    if pid is not None and _is_socket(folder / "systemd/private"):
        own = Found(
            family="systemd", address="user", uid=machine.uid, pid=pid, why="it runs for this user", options=options
        )
        owner = folder.stat().st_uid
        found.append(own if owner == machine.uid else own.but(f"{folder} belongs to user {user_of(owner)}"))
    return tuple(found)


def _user_manager(machine: Machine) -> int | None:
    named = (seen.pid for seen in machine.sweep.processes.values() if seen.name == _NAME and seen.pid != 1)
    own = (pid for pid in named if machine.sweep.uid(pid) == machine.uid)
    return next((pid for pid in own if "--user" in machine.sweep.command(pid)), None)


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
