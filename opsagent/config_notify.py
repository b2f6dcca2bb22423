"""Reads `[notify]` of `config.toml` (docs/telling.md). An address that stands there is an error: it is a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from opsagent.notify_settings import WHAT, Channel, Notify
from opsagent_tools.services import fields
from opsagent_tools.services.fields import Wrong

LANGUAGES = ("en", "ko")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::\d{1,5})?|\[[0-9a-fA-F:.]+\](?::\d{1,5})?")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_EXAMPLE = 'url_file = "team.url", hosts = ["hooks.slack.com"]'


def read(table: Mapping[str, object]) -> Notify:
    """Return the settings. Raises Wrong, with the key that is wrong."""
    values: dict[str, object] = {}
    for key, value in table.items():
        if key == "channels":
            values[key] = _channels(value)
            continue
        if key not in _READERS:
            known = ", ".join(("channels", *_READERS))
            raise Wrong("unknown key", f"known keys are {known}", key)
        values[key] = _at(key, _READERS[key], value)
    return Notify(**values)  # type: ignore[arg-type]  # each was read by its reader


def _channels(value: object) -> tuple[Channel, ...]:
    if not isinstance(value, dict):
        raise Wrong("must be tables", f"write [notify.channels.team] and below it {_EXAMPLE}", "channels")
    return tuple(_channel(name, table) for name, table in value.items())


def _channel(name: str, table: object) -> Channel:
    place = f"channels.{name}"
    if not _NAME.fullmatch(name):
        raise Wrong(f"{name!r} cannot be the name of a channel", "use up to 32 of a-z, 0-9, _ and -", place)
    if not isinstance(table, dict):
        raise Wrong("must be a table", f"write [notify.channels.{name}] and below it {_EXAMPLE}", place)
    if "url" in table:
        mend = f'write it into a file of mode 0600 and here url_file = "{name}.url", or url_env = "VARIABLE"'
        raise Wrong("an address is a secret and has no place in the configuration", mend, f"{place}.url")
    for key in table:
        if key not in _CHANNEL:
            raise Wrong("unknown key", f"known keys are {', '.join(_CHANNEL)}", f"{place}.{key}")
    values = {key: _at(f"{place}.{key}", _CHANNEL[key], value) for key, value in table.items()}
    ways = [key for key in ("url_file", "url_env", "file") if values.get(key)]
    if len(ways) != 1:
        said = "names no address" if not ways else f"has {' and '.join(ways)}"
        raise Wrong(said, f"write one of url_file, url_env, file: {_EXAMPLE}", place)
    return Channel(name=name, **values)  # type: ignore[arg-type]


def _at(place: str, reader: Callable[[object], object], value: object) -> object:
    try:
        return reader(value)
    except Wrong as wrong:
        raise Wrong(wrong.problem, wrong.mend, place) from None


def _language(value: object) -> object:
    found = fields.text(value, '"ko"')
    if found not in LANGUAGES:
        raise Wrong(f"{found!r} is not spoken here", f"use {', '.join(LANGUAGES)}")
    return found


def _zone(value: object) -> object:
    from opsagent.telling.times import zone_of

    found = fields.text(value, '"Asia/Seoul"')
    try:
        zone_of(found)
    except ValueError:
        raise Wrong(f"{found!r} is no time zone", 'write a name of the IANA database: "Asia/Seoul", "UTC"') from None
    return found


def _what(value: object) -> object:
    found = fields.texts(value, '["escalations", "approvals"]')
    for one in found:
        if one not in WHAT:
            raise Wrong(f"{one!r} is nothing that is told", f"use {', '.join(WHAT)}")
    return tuple(dict.fromkeys(found))


def hosts(value: object) -> object:
    """Return hosts that may be reached, each with a port or without."""
    found = fields.texts(value, '["hooks.slack.com"]')
    for one in found:
        if not _HOST.fullmatch(one):
            raise Wrong(f"{one!r} is no host", 'write names or addresses, with a port if you like: "mail.example:587"')
    return tuple(one.lower() for one in found)


def _quiet(value: object) -> object:
    found = fields.text(value, '"urgent"')
    if found not in {"urgent", "nothing", "all"}:
        raise Wrong(f"{found!r} is not known", "use urgent, nothing or all")
    return found


def _clock(value: object) -> object:
    found = fields.text(value, '"09:00"')
    if found and not _CLOCK.fullmatch(found):
        raise Wrong(f"{found!r} is no time of day", 'write for example "09:00"')
    return found


def variable(value: object) -> object:
    """Return the name of a variable that holds a secret."""
    found = fields.text(value, '"TEAM_URL"')
    if not re.fullmatch(r"[A-Za-z_]\w*", found, re.ASCII):
        raise Wrong(f"{found!r} cannot be the name of a variable", 'write for example "TEAM_URL"')
    return found


def _proxy(value: object) -> object:
    found = fields.text(value, '"http://proxy.example:3128"')
    if found and ("@" in found or not re.fullmatch(r"https?://[\w.\[\]:-]+/?", found)):
        raise Wrong("is no proxy without a password", 'write for example "http://proxy.example:3128"')
    return found


_READERS: Mapping[str, Callable[[object], object]] = {
    "language": _language,
    "zone": _zone,
    "group_s": lambda value: fields.seconds(value, "5", zero=True),
    "per_hour": lambda value: fields.integer(value, 1, 1000, "20"),
    "remind_s": lambda value: fields.seconds(value, "3600", zero=True),
    "digest_at": _clock,
    "proxy": _proxy,
}
_CHANNEL: Mapping[str, Callable[[object], object]] = {
    "url_file": lambda value: fields.text(value, '"team.url"'),
    "url_env": variable,
    "file": lambda value: fields.text(value, '"told.txt"'),
    "hosts": hosts,
    "what": _what,
    "language": _language,
    "zone": _zone,
    "quiet": _quiet,
}
