"""What a model gets to see: typed, cut short, masked, and marked as data. Pure.

Lines of logs come as signatures with their typed values, not as they were written: whoever can write a log could else
write a prompt.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opsagent.casenote import SAID_LAST
from opsagent_tools.logs.reading import LineReader
from opsagent_tools.logs.signature import template_of
from opsagent_tools.redact import redact, redact_data
from opsagent_tools.text import UntrustedText, escape_for_terminal
from opsagent_tools.units import Unit

LONGEST = 6000
"""Characters of one tool's result."""
_TEXT = 300
_VALUE = 40
_VALUES = 3
_SIGNATURES = 30
_ROWS = 200
_DEPTH = 6
_PLACE = re.compile(r"<(\w+)>")
_MASK = re.compile(r"«redacted: [^»]*»")
_MOST_PLACES = 10
_LINES = frozenset({"lines", "last_lines", "quoted", "last_log"})
"""Keys under which lines of logs come."""
_DROPPED = frozenset({"headline", "command", "env", "environment", "argv", "cmdline"})
"""What people wrote into a service's own settings; a model needs none of it."""


def units_form(units: Sequence[Unit], spoken_of: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return what a model is told of the units: name, state, instances."""
    rows = [
        {"name": clean(unit.name, _VALUE * 2), "state": unit.state.value, "instances": unit.instances} for unit in units
    ]
    names = Counter(unit.name for unit in units)
    for row, unit in zip(rows, units, strict=True):
        if names[unit.name] > 1:
            row["name"] = str(unit.id)
        if unit.name in spoken_of:
            row["spoken_of_last"] = True
    return rows


def quoted(data: Any, longest: int = LONGEST, text: int = _TEXT) -> str:
    """Return what a tool found, as one JSON text that says of itself that it is data. Masked, and cut short.

    `text`: characters of one text in it.
    """
    whole = json.dumps({"quoted_data": _shown(redact_data(data), "", 0, text)}, ensure_ascii=False, default=str)
    shown, room = whole, longest
    while len(shown) > longest:
        shown = json.dumps({"quoted_data_cut_short": whole[:room]}, ensure_ascii=False)
        room = max(0, room - max(1, len(shown) - longest))
    return shown


def clean(text: str, longest: int = _TEXT) -> str:
    """Return one line of text, masked, with nothing in it that cannot be seen, and not longer than that."""
    line = escape_for_terminal(redact(" ".join(text.split())))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def signatures(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Return log lines as signatures, the most frequent first, each with how often and with some typed values."""
    reader = LineReader()
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        event = reader.read(line.encode("utf-8", "surrogatepass"))
        message = _MASK.sub("REDACTED", redact(event.message))
        template = clean(template_of(message))
        row = found.setdefault(template, {"signature": template, "level": event.level, "count": 0, "values": []})
        row["count"] += 1
        values = _values(template, message)
        if values and values not in row["values"] and len(row["values"]) < _VALUES:
            row["values"].append(values)
    rows = sorted(found.values(), key=lambda row: -row["count"])[:_SIGNATURES]
    return [{key: value for key, value in row.items() if value not in ("", [])} for row in rows]


def _values(template: str, message: str) -> dict[str, str]:
    """Return what stands where the template has a type; numbers, durations and names of hosts, never free text."""
    kinds = _PLACE.findall(template)
    if not kinds or len(kinds) > _MOST_PLACES or len(message) > _TEXT:
        return {}
    parts = _PLACE.split(template)[::2]
    match = re.fullmatch("(\\S+?)".join(re.escape(part) for part in parts), " ".join(message.split()))
    if match is None:
        return {}
    return {
        f"{kind}{number}": clean(value, _VALUE)
        for number, (kind, value) in enumerate(zip(kinds, match.groups(), strict=True), 1)
    }


def _shown(data: Any, key: str, depth: int, text: int) -> Any:
    if isinstance(data, UntrustedText):
        data = data.raw
    if isinstance(data, str):
        return clean(data.partition(SAID_LAST)[0], text)
    if isinstance(data, bool | int | float) or data is None:
        return data
    if depth > _DEPTH:
        return "…"
    if isinstance(data, Mapping):
        return {
            clean(str(name), _VALUE): _shown(value, str(name), depth + 1, text)
            for name, value in data.items()
            if name not in _DROPPED
        }
    if isinstance(data, list | tuple | set | frozenset):
        rows = [one.raw if isinstance(one, UntrustedText) else one for one in data]
        if key in _LINES and all(isinstance(one, str) for one in rows):
            return signatures(rows)
        shown = [_shown(one, "", depth + 1, text) for one in rows[:_ROWS]]
        return shown if len(rows) <= _ROWS else [*shown, f"… and {len(rows) - _ROWS} more"]
    return clean(str(data), text)
