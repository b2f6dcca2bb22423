"""Which homes of PM2 there are: the user's own, those that are named, and those of daemons that run.

A home is trusted as far as its owner is (docs/security.md): it and its sockets must belong to one user, and that must
be the agent's own, or for root the user that the daemon runs as. Nothing is connected to; PM2's command line, which
would start an empty daemon, is never called.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

from opsagent_tools.supervisors.found import Found, Machine, State, Wanted, user_of

_TITLE = re.compile(r"PM2 v\S+: God Daemon \((?P<home>/.*)\)$")
"""What the daemon calls itself (`process.title`); cut short where its command line was shorter."""
_NAME = "PM2 v"
_SOCKETS = ("rpc.sock", "pub.sock")


def find(machine: Machine, wanted: Wanted) -> tuple[Found, ...]:
    """Return every home of PM2, the user's own first, each once; then those that somebody only claims to be of."""
    daemons = tuple(_daemons(machine))
    named = [(_resolved(home), why) for home, why in _own(machine, wanted)]
    running = [(home, "its daemon runs") for home, _, _ in daemons] if wanted.discover else []
    found: dict[Path, Found] = {}
    for home, why in (*named, *running):
        if home in found:
            continue
        owner = _owner(home)
        pid = next((pid for said, pid, uid in daemons if said == home and uid == owner), None)
        if pid is not None or ((home, why) in named and home.is_dir()):
            found[home] = _judge(machine, home, why, pid)
    forged = {(home, uid): pid for home, pid, uid in daemons if wanted.discover and uid != _owner(home)}
    return (*found.values(), *(_forged(home, pid, uid) for (home, uid), pid in forged.items()))


def _own(machine: Machine, wanted: Wanted) -> Iterator[tuple[Path, str]]:
    if wanted.discover:
        given = machine.environ.get("PM2_HOME", "")
        if given.startswith("/"):
            yield Path(given), "PM2_HOME"
        if machine.home is not None:
            yield machine.home / ".pm2", "PM2's folder in the user's home"
    for home in wanted.pm2_homes:
        yield home, "named in config.toml"


def _daemons(machine: Machine) -> Iterator[tuple[Path, int, int]]:
    """Give home, pid and user of every daemon that runs, as it says itself: it is checked before it is believed."""
    for seen in machine.sweep.processes.values():
        if seen.name.startswith(_NAME) and seen.state not in "ZX":
            home, uid = _home_of(machine, seen.pid), machine.sweep.uid(seen.pid)
            if home is not None and uid is not None:
                yield _resolved(home), seen.pid, uid


def _home_of(machine: Machine, pid: int) -> Path | None:
    title = _TITLE.search(" ".join(machine.sweep.command(pid)))
    said = title["home"] if title else machine.sweep.variable(pid, "PM2_HOME")
    return Path(said) if said.startswith("/") else None


def _judge(machine: Machine, home: Path, why: str, pid: int | None) -> Found:
    """Return the home, refused where its owner or what lies in it is not as it must be."""
    owner = _owner(home)
    uid = owner if pid is not None and owner is not None else machine.uid
    one = Found(family="pm2", address=str(home), uid=uid, pid=pid, state=_state(machine, home, pid), why=why)
    if machine.uid not in (0, uid):
        return one.but(f"its daemon runs as user {user_of(uid)}: let an agent of that user keep it")
    try:
        folder = home.lstat()
    except OSError as error:
        return one.but(f"{home} cannot be looked at: {error.strerror}")
    if folder.st_uid != uid:
        return one.but(f"{home} belongs to user {user_of(folder.st_uid)}, not to {user_of(uid)}")
    if folder.st_mode & stat.S_IWOTH:
        return one.but(f"everybody may write to {home}: `chmod o-w {home}`")
    for name in _SOCKETS:
        problem = _socket_problem(home / name, uid)
        if problem:
            return one.but(problem)
    return one


def _forged(home: Path, pid: int, uid: int) -> Found:
    """Whoever calls its process so may want us to read what only we may read."""
    owner = _owner(home)
    whose = f"belongs to user {user_of(owner)}" if owner is not None else "is not there"
    one = Found(family="pm2", address=str(home), uid=uid, pid=pid, why="a process says that it is its daemon")
    return one.but(f"process {pid} of user {user_of(uid)} says that it is the daemon of {home}, which {whose}")


def _owner(home: Path) -> int | None:
    try:
        return home.lstat().st_uid
    except OSError:
        return None


def _socket_problem(path: Path, uid: int) -> str:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    if not stat.S_ISSOCK(found.st_mode):
        return f"{path} is no socket"
    return (
        "" if found.st_uid == uid else f"{path} belongs to user {user_of(found.st_uid)}, its folder to {user_of(uid)}"
    )


def _state(machine: Machine, home: Path, pid: int | None) -> State:
    """A daemon that is told to end removes its pid file; what is left of one tells that it was killed."""
    if pid is not None:
        return "running"
    try:
        left = (home / "pm2.pid").lstat().st_mtime
        (home / "rpc.sock").lstat()
    except OSError:
        return "idle"
    return "died" if left >= machine.sweep.booted_at else "idle"


def _resolved(home: Path) -> Path:
    try:
        return home.resolve()
    except (OSError, RuntimeError):  # a loop of links
        return home
