"""Which supervisors run on this machine: found without asking any of them, cheaply enough for every few seconds.

Each adapter's `find.py` knows the traces of its own (a process's name, a folder, a socket); this module joins them, gives
each its kind, and opens or looks at what was found. What is refused is told with its reason, and never opened.
Only what is opened is imported: `opsagent ps` looks too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from opsagent_tools.supervisors.found import At, Family, Found, Machine, Wanted, user_of

if TYPE_CHECKING:
    from opsagent_tools.supervisors.port import Supervisor
    from opsagent_tools.units import Unit

__all__ = ["At", "Found", "Machine", "Wanted", "discover", "look_at", "open_supervisor"]

_FAMILIES: tuple[Family, ...] = ("pm2", "supervisord", "circusd", "systemd")
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,31}")
OURS = "circus"
"""Kind of the embedded engine, which nobody else gets."""


def discover(
    wanted: Wanted | None = None, *, known: Mapping[str, str] | None = None, machine: Machine | None = None
) -> tuple[Found, ...]:
    """Return every supervisor of this machine but the embedded engine, each with a kind of its own unless it is refused.

    `known`: kinds that were given before, by `Found.key`; they stay, so that ids mean the same from one day to the next.
    """
    wanted = wanted or Wanted()
    machine = machine or Machine.here()
    if machine.environ.get("OPSAGENT_DISCOVER") == "0":
        wanted = replace(wanted, discover=False)
    found: list[Found] = []
    for family in _FAMILIES:
        if family in wanted.off or not (wanted.discover or _is_named(wanted, family)):
            continue
        try:
            search: Callable[[Machine, Wanted], Iterable[Found]] = import_module(f"{__package__}.{family}.find").find
            found += search(machine, wanted)
        except ModuleNotFoundError:
            continue
        except OSError as error:  # one that cannot be searched for keeps nobody from the others
            import logging  # `opsagent ps` comes along here, and does without

            logging.getLogger(__name__).warning("cannot look for %s: %s", family, error)
    return tuple(one for one in _with_kinds(found, known or {}) if one.kind not in wanted.off)


def _is_named(wanted: Wanted, family: Family) -> bool:
    named = {
        "pm2": wanted.pm2_homes,
        "supervisord": wanted.supervisord,
        "circusd": wanted.circusd,
        "systemd": wanted.systemd_units,
    }
    return bool(named[family])


def _with_kinds(found: Sequence[Found], known: Mapping[str, str]) -> list[Found]:
    """Give each that may be opened a kind: as before, else the plain one to the first of those that run."""
    kinds = {one.key: known[one.key] for one in found if one.key in known}
    taken = {OURS, *known.values()}
    for one in sorted(found, key=lambda one: one.state != "running"):
        if not one.refused and one.key not in kinds:
            kinds[one.key] = kind = next(name for name in _names(one) if name not in taken)
            taken.add(kind)
    return [one if one.refused else replace(one, kind=kinds[one.key]) for one in found]


def _names(one: Found) -> Iterable[str]:
    base = "systemd-user" if one.family == "systemd" and one.address == "user" else one.family
    yield base
    user = user_of(one.uid)
    if _WORD.fullmatch(user) and Path(one.address).name == ".pm2":
        yield f"{base}-{user}"
    import hashlib

    digest = hashlib.sha256(one.key.encode(errors="surrogateescape")).hexdigest()
    yield from (f"{base}-{digest[:length]}" for length in (4, 8, 64))


def open_supervisor(found: Found) -> Supervisor:
    """Return the adapter for what was found. Nothing is connected to yet. ValueError: it was refused."""
    if found.refused:
        raise ValueError(found.refused)
    return _OPENERS[found.family](found)


def look_at(found: Found) -> tuple[Unit, ...]:
    """Return its units at once, without an event loop. Raises SupervisorError; ValueError: it was refused."""
    if found.refused:
        raise ValueError(found.refused)
    return _LOOKS[found.family](found)


def _look_pm2(found: Found) -> tuple[Unit, ...]:
    from opsagent_tools.supervisors.pm2.look import look

    return look(Path(found.address), found.uid, kind=found.kind)


def _look_supervisord(found: Found) -> tuple[Unit, ...]:
    from opsagent_tools.supervisors.supervisord.look import look

    return look(found.address, kind=found.kind, uid=_owner(found), **_credentials(found))


def _owner(found: Found) -> int | None:
    """Whose it must be: that is known of one that was seen to run."""
    return found.uid if found.pid is not None else None


def _credentials(found: Found) -> dict[str, Any]:
    username, secret = found.options.get("username"), found.options.get("password_file")
    return {"username": username, "password_file": Path(str(secret))} if username and secret else {}


def _look_systemd(found: Found) -> tuple[Unit, ...]:
    from opsagent_tools.supervisors.systemd.look import look

    return look("user" if found.address == "user" else "system", _words(found, "units"), _words(found, "exclude"))


def _open_pm2(found: Found) -> Supervisor:
    from opsagent_tools.supervisors.pm2.adapter import Pm2Supervisor

    return Pm2Supervisor(Path(found.address), found.uid, kind=found.kind)


def _open_systemd(found: Found) -> Supervisor:
    from opsagent_tools.supervisors.systemd.adapter import SystemdSupervisor

    scope: Literal["user", "system"] = "user" if found.address == "user" else "system"
    return SystemdSupervisor(scope, _words(found, "units"), _words(found, "exclude"))


def _words(found: Found, key: str) -> tuple[str, ...]:
    value = found.options.get(key, ())
    return value if isinstance(value, tuple) else (value,)


def _open_supervisord(found: Found) -> Supervisor:
    from opsagent_tools.supervisors.supervisord.adapter import SupervisordSupervisor

    return SupervisordSupervisor(found.address, kind=found.kind, uid=_owner(found), **_credentials(found))


def _open_circusd(found: Found) -> Supervisor:
    from opsagent_tools.supervisors.circusd.adapter import CircusdSupervisor

    return CircusdSupervisor(found.address, pubsub=str(found.options.get("pubsub", "")), kind=found.kind, uid=found.uid)


def _look_circusd(found: Found) -> tuple[Unit, ...]:
    from opsagent_tools.supervisors.circusd.look import look

    return look(found.address, kind=found.kind, uid=found.uid)


_OPENERS: Mapping[Family, Callable[[Found], Supervisor]] = {
    "circusd": _open_circusd,
    "supervisord": _open_supervisord,
    "pm2": _open_pm2,
    "systemd": _open_systemd,
}
_LOOKS: Mapping[Family, Callable[[Found], tuple[Unit, ...]]] = {
    "pm2": _look_pm2,
    "supervisord": _look_supervisord,
    "circusd": _look_circusd,
    "systemd": _look_systemd,
}
