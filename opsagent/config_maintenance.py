"""Reads `[[maintenance]]` of `config.toml` (docs/config.md): windows, each with its place in the file for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from opsagent.maintenance import ALL, LONGEST, BadWindow, When, Window, is_span, scheduled, weekly
from opsagent.views.numbers import seconds_of
from opsagent_tools.redact import redact
from opsagent_tools.services import fields
from opsagent_tools.services.fields import Wrong
from opsagent_tools.services.lines import find_line
from opsagent_tools.services.schedule import BadSchedule, machine_zone, next_due

KEYS = ("units", "when", "duration", "zone", "why")
EXAMPLE = 'units = ["api"], when = "Sun 02:00-04:00"'
_WHEN = 'write "Sun 02:00-04:00", "Mon-Fri 22:00-02:00", or cron\'s "0 2 * * 0" with a duration'
_T = TypeVar("_T")
_HEADER = re.compile(r"^[ \t]*\[\[\s*maintenance\s*\]\]", re.MULTILINE)


def read(table: object) -> Window:
    """Return one window. Raises Wrong, with the key that is wrong."""
    if not isinstance(table, dict):
        raise Wrong("must be a table", f"write [[maintenance]] and its keys below it: {EXAMPLE}")
    for key in table:
        if key not in KEYS:
            raise Wrong("unknown key", f"known keys are {', '.join(KEYS)}", key)
    for key in ("units", "when"):
        if key not in table:
            raise Wrong(f"has no {key}", f"write for example {EXAMPLE}")
    where = _at("zone", lambda: zone(table.get("zone", "")))
    why = _at("why", lambda: redact(fields.text(table.get("why", ""), '"backup of the database"')).strip())
    units = _at("units", lambda: _units(table["units"]))
    return Window(units=units, when=_when(table, where), why=why)


def line_of(source: str, number: int, key: str) -> int | None:
    """Return the line of a key of the `number`th `[[maintenance]]` (from 0), else that of its header."""
    headers = [found.start() for found in _HEADER.finditer(source)]
    if number >= len(headers):
        return find_line(source, ("maintenance",))
    begin = headers[number]
    end = headers[number + 1] if number + 1 < len(headers) else len(source)
    before = source.count("\n", 0, begin)
    return before + (find_line(source[begin:end], ("maintenance", key) if key else ("maintenance",)) or 1)


def _when(table: Mapping[str, object], zone: str) -> When:
    text = _at("when", lambda: fields.text(table["when"], '"Sun 02:00-04:00"'))
    try:
        if is_span(text):
            if "duration" in table:
                raise Wrong("has no part in a window that says when it ends", "remove it", "duration")
            return weekly(text, zone)
        if "duration" not in table:
            problem = "has no duration, and cron says only when it begins"
            raise Wrong(problem, 'write "Sun 02:00-04:00", or add duration = "2h"', "when")
        lasts = _at("duration", lambda: _duration(table["duration"]))
        return scheduled(text, zone, lasts, datetime.now(UTC))
    except BadWindow as error:
        raise Wrong(str(error), _WHEN, "when") from None


def _units(value: object) -> tuple[str, ...]:
    if value == ALL:
        return (ALL,)
    if isinstance(value, str):
        raise Wrong(f'is {value!r}, must be a list of names or "all"', f'write units = ["{value}"]')
    found = fields.texts(value, '["api", "pm2:web"]')
    if not found or not all(name.strip() for name in found):
        raise Wrong("names nobody", 'write units = ["api"], or units = "all"')
    return tuple(dict.fromkeys(found))


def zone(value: object) -> str:
    """Return an IANA zone; the machine's where none is named. Raises Wrong."""
    found = fields.text(value, '"Europe/Berlin"') or machine_zone()
    try:
        next_due("0 0 * * *", found, datetime.now(UTC))
    except BadSchedule:
        raise Wrong(f"{found!r} is no time zone", 'write a name of the IANA database: "Europe/Berlin", "UTC"') from None
    return found


def _duration(value: object) -> timedelta:
    text = fields.text(value, '"2h"')
    try:
        lasts = timedelta(seconds=seconds_of(text))
    except (ValueError, OverflowError):
        raise Wrong(f"{text!r} is no duration", 'write for example "90m" or "2h"') from None
    if not timedelta() < lasts <= LONGEST:
        raise Wrong(f"{text!r} is not between nothing and {LONGEST.days} days", 'write for example "2h"')
    return lasts


def _at(key: str, read_it: Callable[[], _T]) -> _T:
    try:
        return read_it()
    except Wrong as wrong:
        raise Wrong(wrong.problem, wrong.mend, key) from None
