"""Which circusds of others there are: those that run, and those that a person named. The embedded engine is none of them.

A running one is believed as far as its user is: its configuration is read as that user would. Nothing is connected to;
who listens at its endpoint is looked at when it is opened.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from opsagent_tools.supervisors.circusd.conf import DEFAULT_ENDPOINT, DEFAULT_PUBSUB, read_conf
from opsagent_tools.supervisors.circusd.endpoint import Endpoint
from opsagent_tools.supervisors.circusd.origin import NAMES, Origin, origin_of
from opsagent_tools.supervisors.found import At, Found, Machine, Wanted, user_of
from opsagent_tools.supervisors.started import program_at, shares_our_root

_STARTS = ("circusd", "python", "pypy")
"""How the kernel may call its process."""


def find(machine: Machine, wanted: Wanted) -> tuple[Found, ...]:
    """Return every circusd, each once; those that are not to be asked with the reason."""
    named = {_plain(at.address): at for at in wanted.circusd}
    found: dict[str, Found] = {}
    for origin in _running(machine) if wanted.discover or named else ():
        one = _judge(machine, origin, named)
        if (wanted.discover or one.address in named) and (one.address not in found or found[one.address].refused):
            found[one.address] = one
    for address, at in named.items():
        found.setdefault(address, _named(machine, address, at))
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
    path, pid = origin.conf_path(), origin.key.pid
    conf = read_conf(path, origin.uid) if path is not None else None
    place = str(path or f"process {pid}")
    one = Found(family="circusd", address=place, uid=origin.uid, pid=pid, why="it runs")
    if conf is None:
        what = (
            f"its configuration {path} cannot be read"
            if path is not None
            else "its command line names no configuration"
        )
        return one.but(f"{what}: name its endpoint in config.toml, under [supervisors] circusd")
    try:
        endpoint = Endpoint.parse(_absolute(conf.get("endpoint", DEFAULT_ENDPOINT), origin))
    except ValueError as error:
        return one.but(f"the endpoint in {path} cannot be used: {error}; name it in config.toml")
    at = named.get(str(endpoint))
    one = Found(
        family="circusd",
        address=str(endpoint),
        uid=origin.uid,
        pid=pid,
        why=f"it runs with {path}",
        options={"pubsub": (at.pubsub if at else "") or _absolute(conf.get("pubsub_endpoint", DEFAULT_PUBSUB), origin)},
    )
    if machine.uid not in {0, one.uid} and at is None:
        return one.but(
            f"it runs as user {user_of(one.uid)}: let an agent of that user keep it, or name it in config.toml"
        )
    return one.but(_socket_problem(endpoint, one.uid, machine.uid))


def _named(machine: Machine, address: str, at: At) -> Found:
    """Return one that a person named, and that was not seen to run."""
    uid, options = machine.uid, {"pubsub": at.pubsub}
    one = Found(family="circusd", address=address, uid=uid, why="named in config.toml", options=options)
    try:
        endpoint = Endpoint.parse(address)
    except ValueError as error:
        return one.but(str(error))
    if not endpoint.path:
        return one
    try:
        status = Path(endpoint.path).lstat()
    except OSError:
        return Found(family="circusd", address=address, uid=uid, why=one.why, options=options, state="idle")
    left = Found(
        family="circusd",
        address=address,
        uid=status.st_uid,
        why=one.why,
        options=options,
        state="died" if status.st_mtime >= machine.sweep.booted_at else "idle",
    )
    return left.but(_socket_problem(endpoint, status.st_uid, machine.uid))


def _socket_problem(endpoint: Endpoint, uid: int, ours: int) -> str:
    if not endpoint.path:
        return ""
    path = Path(endpoint.path)
    try:
        found, folder = path.lstat(), path.parent.stat()
    except FileNotFoundError:
        return ""  # it starts, or starts over
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    if not stat.S_ISSOCK(found.st_mode):
        return f"{path} is no socket"
    if found.st_uid not in ({uid} if uid else {0, ours}) or folder.st_uid not in {uid, 0}:
        return (
            f"it runs as user {user_of(uid)}, and {path} belongs to user {user_of(found.st_uid)} in a folder of user "
            f"{user_of(folder.st_uid)}"
        )
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        return f"everybody may replace files in {path.parent}: `chmod o-w {path.parent}`"
    return ""


def _absolute(endpoint: str, origin: Origin) -> str:
    """Return `ipc://name` with the folder that circusd runs in."""
    path = endpoint.removeprefix("ipc://")
    return endpoint if path == endpoint or path.startswith("/") else f"ipc://{Path(origin.cwd, path)}"


def _plain(address: str) -> str:
    try:
        return str(Endpoint.parse(address))
    except ValueError:
        return address
