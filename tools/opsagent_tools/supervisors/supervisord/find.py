"""Which supervisords there are: those that run, those that a person named, and what a killed one left in the usual place.

A running one is believed as far as its user is: its configuration is read as that user would, the socket that it names
must be that user's. Nothing is connected to. Names and passwords come from config.toml alone, never from the
configuration of supervisord.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from opsagent_tools.supervisors.found import At, Found, Machine, State, Wanted, user_of
from opsagent_tools.supervisors.port import NotPermitted
from opsagent_tools.supervisors.started import program_at, shares_our_root
from opsagent_tools.supervisors.supervisord.address import Address, read_secret
from opsagent_tools.supervisors.supervisord.conf import DEFAULT_PLACES, ConfFile, Section, expand, read_conf
from opsagent_tools.supervisors.supervisord.origin import NAMES, Origin, origin_of

_STARTS = ("supervisord", "python", "pypy")
"""How the kernel may call its process."""


def find(machine: Machine, wanted: Wanted) -> tuple[Found, ...]:
    """Return every supervisord, each once; those that are not to be asked with the reason."""
    named = {_plain(at.address): at for at in wanted.supervisord}
    found: dict[str, Found] = {}
    for origin in _running(machine) if wanted.discover or named else ():
        one = _judge(machine, origin, named)
        if (wanted.discover or one.address in named) and (one.address not in found or found[one.address].refused):
            found[one.address] = one
    for address, at in named.items():
        found.setdefault(address, _named(machine, address, at))
    for one in _left_behind(machine) if wanted.discover else ():
        found.setdefault(one.address, one)
    return tuple(found.values())


def _running(machine: Machine) -> Iterator[Origin]:
    for seen in machine.sweep.processes.values():
        if not seen.name.startswith(_STARTS) or seen.state in "ZX":
            continue
        if program_at(machine.sweep.command(seen.pid), NAMES) is not None and shares_our_root(seen.pid):
            origin = origin_of(seen.pid)
            if origin is not None:
                yield origin


def _judge(machine: Machine, origin: Origin, named: Mapping[str, At]) -> Found:
    """Return a running one, refused where what it says of itself does not hold, or we may not ask it."""
    path = origin.conf_path()
    conf = read_conf(path, origin.uid) if path is not None else None
    unknown = Found(
        family="supervisord",
        address=str(path or f"process {origin.key.pid}"),
        uid=origin.uid,
        pid=origin.key.pid,
        why="it runs",
    )
    if conf is None:
        what = f"its configuration {path} cannot be read" if path is not None else "its configuration is not known"
        return unknown.but(f"{what}: name its address in config.toml, under [supervisors] supervisord")
    server, address = _server(conf, origin)
    if server is None:
        return unknown.but(f"{path} opens no socket: add [unix_http_server] and restart supervisord")
    at = named.get(address)
    one = Found(
        family="supervisord",
        address=address,
        uid=origin.uid,
        pid=origin.key.pid,
        why=f"it runs with {path}",
        options=_options(at),
    )
    return one.but(_problem(machine, one, asks=bool(server.get("username")), named=at is not None))


def _server(conf: ConfFile, origin: Origin) -> tuple[Section | None, str]:
    """Return how it is reached: by its unix socket where it has one."""
    names = {"here": str(conf.path.parent), "host_node_name": os.uname().nodename}
    names.update({f"ENV_{key}": value for key, value in origin.environ or ()})
    unix, inet = conf.section("unix_http_server"), conf.section("inet_http_server")
    file = expand(unix.get("file"), names) if unix is not None else None
    if unix is not None and file:
        return unix, f"unix://{os.path.normpath(Path(origin.cwd, file))}"
    port = expand(inet.get("port"), names) if inet is not None else None
    if inet is not None and port:
        host, _, number = port.rpartition(":")
        return inet, f"http://{'127.0.0.1' if host in {'', '*', '0.0.0.0'} else host}:{number}"  # noqa: S104  # read, not bound
    return None, ""


def _problem(machine: Machine, one: Found, *, asks: bool, named: bool) -> str:
    try:
        address = Address.parse(one.address)
    except ValueError as error:
        return str(error)
    if address.path:
        problem = _socket_problem(machine, Path(address.path), one.uid)
    elif machine.uid not in {0, one.uid} and not named:
        problem = f"it runs as user {user_of(one.uid)}: let an agent of that user keep it, or name it in config.toml"
    else:
        problem = ""
    if problem or not asks:
        return problem or _secret_problem(one)
    if "password_file" not in one.options:
        return (
            "it asks for a name and a password: write them into config.toml, supervisord = [{ address = "
            f'"{one.address}", username = "…", password_file = "…" }}]'
        )
    return _secret_problem(one)


def _socket_problem(machine: Machine, path: Path, uid: int) -> str:
    """Say why the socket of a supervisord of `uid` is not to be asked; the wire looks again at who listens."""
    try:
        found, folder = path.lstat(), path.parent.stat()
    except FileNotFoundError:
        return ""  # it starts, or starts over
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    if not stat.S_ISSOCK(found.st_mode):
        return f"{path} is no socket"
    if found.st_uid not in {uid, 0, machine.uid} or folder.st_uid not in {uid, 0}:
        return (
            f"it runs as user {user_of(uid)}, and {path} belongs to user {user_of(found.st_uid)} in a folder of "
            f"user {user_of(folder.st_uid)}"
        )
    if uid not in {found.st_uid, 0}:
        return f"it runs as user {user_of(uid)}, and {path} belongs to user {user_of(found.st_uid)}"
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        return f"everybody may replace files in {path.parent}: `chmod o-w {path.parent}`"
    if machine.uid in {0, uid} or os.access(path, os.W_OK):
        return ""
    return (
        f"it runs as user {user_of(uid)}: let an agent of that user keep it, or give us its socket (`chown` and "
        "`chmod` in [unix_http_server])"
    )


def _secret_problem(one: Found) -> str:
    secret = one.options.get("password_file")
    if not secret:
        return ""
    try:
        read_secret(Path(str(secret)))
    except NotPermitted as error:
        return str(error)
    return ""


def _named(machine: Machine, address: str, at: At) -> Found:
    """Return one that a person named, and that was not seen to run: it may be another user's, or dead."""
    one = Found(
        family="supervisord",
        address=address,
        uid=machine.uid,
        why="named in config.toml",
        options=_options(at),
    )
    try:
        parsed = Address.parse(address)
    except ValueError as error:
        return one.but(str(error))
    if not parsed.path:
        return one.but(_secret_problem(one))
    path = Path(parsed.path)
    try:
        uid = path.lstat().st_uid
    except OSError:
        uid = machine.uid
    dead = Found(
        family="supervisord",
        address=address,
        uid=uid,
        why=one.why,
        options=one.options,
        state=_state(machine, path),
    )
    return dead.but(_socket_problem(machine, path, uid) or _secret_problem(one))


def _left_behind(machine: Machine) -> Iterator[Found]:
    """Give what a killed one left where packages put it: it removes its socket when it is told to end."""
    for place in (Path(place) for place in DEFAULT_PLACES if place.startswith("/")):
        try:
            uid = place.stat().st_uid
        except OSError:
            continue
        conf = read_conf(place, uid)
        unix = conf.section("unix_http_server") if conf is not None else None
        file = expand(unix.get("file"), {"here": str(place.parent)}) if unix is not None else None
        if not file or _state(machine, Path(file)) != "died":
            continue
        one = Found(
            family="supervisord",
            address=f"unix://{file}",
            uid=uid,
            state="died",
            why=f"its socket is left, as {place} names it",
        )
        yield one.but(_socket_problem(machine, Path(file), uid))


def _state(machine: Machine, path: Path) -> State:
    try:
        return "died" if path.lstat().st_mtime >= machine.sweep.booted_at else "idle"
    except OSError:
        return "idle"


def _options(at: At | None) -> dict[str, str | tuple[str, ...]]:
    if at is None or not at.username:
        return {}
    return {"username": at.username, "password_file": at.password_file}


def _plain(address: str) -> str:
    try:
        return str(Address.parse(address))
    except ValueError:
        return address
