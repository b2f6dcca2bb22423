"""PM2's own units in an ecosystem file: milliseconds, `5s`, `300M`, instances as `max`. Standard library only."""

from __future__ import annotations

import os
import re
import shlex

from opsagent_tools.services import fields
from opsagent_tools.services.fields import Wrong

_UPTIME = re.compile(r"(\d+)([hms]?)", re.ASCII)
_MEMORY = re.compile(r"(\d+)([GMK]?)", re.ASCII)
_MS = {"": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
_BYTES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_MOST_MS = 10**10
_NAMES = {str: "a string", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


def wrong_type(value: object, wanted: str) -> Wrong:
    """Return the complaint about the type of a value, in the words of JSON."""
    return Wrong(f"is {_NAMES.get(type(value), type(value).__name__)}, must be {wanted}", f"write {wanted}")


def flag(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise wrong_type(value, "true or false")
    return value


def text(value: object) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise wrong_type(value, "a string")
    return fields.text(value, "")


def number(value: object, low: int, high: int) -> int:
    """Return a whole number; PM2 takes one in quotation marks too."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,15}", value.strip(), re.ASCII):
        value = int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(value, "a whole number")
    if not low <= value <= high:
        raise Wrong(f"is {value}, must be from {low} to {high}", f"write a number from {low} to {high}")
    return value


def milliseconds(value: object) -> float:
    """Return seconds, from milliseconds."""
    return number(value, 0, _MOST_MS) / 1000


def uptime(value: object) -> float:
    """Return seconds, from milliseconds or from text such as 5s, 2m, 1h."""
    match = _UPTIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None and isinstance(value, str):
        raise Wrong(f"{value!r} is no time", "write milliseconds, or for example 5s, 2m, 1h")
    found = milliseconds(int(match[1][:16]) * _MS[match[2]] if match else value)
    if found < 0.1:
        raise Wrong(f"is {value!r}, must be 100 ms or more", "write for example 1000")
    return found


def memory(value: object) -> int:
    """Return bytes, from a number or from text such as 300M."""
    match = _MEMORY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None and isinstance(value, str):
        raise Wrong(f"{value!r} is no size", "write bytes, or for example 300M (K, M or G)")
    return number(int(match[1][:16]) * _BYTES[match[2]] if match else value, 1, 2**60)


def instances(value: object) -> int:
    """Return how many: `max` and 0 are one a core, below 0 is that many fewer."""
    cores = os.cpu_count() or 1
    if value == "max":
        return cores
    found = number(value, -1000, 1000)
    return found if found > 0 else max(1, cores + found)


def words(value: object) -> tuple[str, ...]:
    """Return arguments: a list, or a string that is split as a shell would."""
    if isinstance(value, str):
        try:
            return tuple(shlex.split(text(value)))
        except ValueError as error:
            raise Wrong(f"cannot be split into words ({error})", "close the quotation, or write a list") from None
    if not isinstance(value, list):
        raise wrong_type(value, "a string or a list")
    return tuple(_word(item) for item in value)


def texts(value: object) -> list[str]:
    """Return a list of strings, from one or several."""
    if isinstance(value, str):
        return [text(value)]
    if not isinstance(value, list):
        raise wrong_type(value, "a string or a list of strings")
    return [text(item) for item in value]


def _word(item: object) -> str:
    if isinstance(item, bool) or not isinstance(item, str | int | float):
        raise wrong_type(item, "a list of strings")
    return fields.text(str(item), "")
