"""Reads the keys of `[supervisors]` in `config.toml` (docs/config.md): one reader each, as in `services.fields`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from opsagent_tools.services import fields
from opsagent_tools.services.fields import Wrong
from opsagent_tools.supervisors.found import At

_KIND = re.compile(r"[a-z][a-z0-9_-]*")
_UNIT = re.compile(r"[\w@:.\\*?\[\]-]+")
_SUPERVISORD = 'supervisord = [{ address = "unix:///run/supervisor.sock" }]'
_CIRCUSD = 'circusd = [{ address = "tcp://127.0.0.1:5555", pubsub = "tcp://127.0.0.1:5556" }]'


def _kinds(value: object) -> object:
    found = fields.texts(value, '["systemd"]')
    for kind in found:
        if not _KIND.fullmatch(kind) or kind == "circus":
            raise Wrong(
                f"names {kind!r}, which is no kind of supervisor that can be left alone", "see `opsagent doctor`"
            )
    return frozenset(found)


def _homes(value: object) -> object:
    return tuple(_absolute(home) for home in fields.texts(value, '["/srv/shop/.pm2"]'))


def _absolute(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise Wrong(f"names {text!r}, which is no absolute path", "begin it with / or ~")
    return path


def _units(value: object) -> object:
    found = fields.texts(value, '["nginx.service"]')
    for name in found:
        if not _UNIT.fullmatch(name):
            raise Wrong(f"names {name!r}, which is no name of a unit", "write for example nginx.service")
    return found


def _supervisord(value: object) -> object:
    places = _places(value, ("address", "username", "password_file"), _SUPERVISORD)
    for at in places:
        if not at.address.startswith(("unix:///", "http://")):
            raise Wrong(f"address {at.address!r} is neither unix:///path nor http://host:port", f"write {_SUPERVISORD}")
        if bool(at.username) != bool(at.password_file):
            raise Wrong("has only one of username and password_file", "write both, or none")
    return places


def _circusd(value: object) -> object:
    places = _places(value, ("address", "pubsub"), _CIRCUSD)
    for at in places:
        if not all(place.startswith(("ipc:///", "tcp://")) for place in (at.address, at.pubsub)):
            raise Wrong("address and pubsub must be ipc:///path or tcp://host:port", f"write {_CIRCUSD}")
    return places


def _places(value: object, keys: tuple[str, ...], example: str) -> tuple[At, ...]:
    if not isinstance(value, list):
        raise Wrong(f"is {fields.name_of_type(value)}, must be a list of tables", f"write {example}")
    found = []
    for one in value:
        table = fields.table(one, example)
        for key in table:
            if key not in keys:
                raise Wrong("unknown key", f"known keys are {', '.join(keys)}", key)
        texts = {key: fields.text(item, example) for key, item in table.items()}
        if not texts.get("address"):
            raise Wrong("has no address", f"write {example}")
        if "password_file" in texts:
            texts["password_file"] = str(_absolute(texts["password_file"]))
        found.append(At(**texts))
    return tuple(found)


READERS: Mapping[str, Callable[[object], object]] = {
    "discover": fields.boolean,
    "off": _kinds,
    "pm2_homes": _homes,
    "supervisord": _supervisord,
    "circusd": _circusd,
    "systemd_units": _units,
    "systemd_exclude": _units,
}
