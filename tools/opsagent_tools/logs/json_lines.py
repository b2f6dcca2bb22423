"""Log lines that are JSON: pino, bunyan, winston, structlog, zap, slog, python-json-logger, ECS, GCP, docker, GELF.

Of an object there remain when, how bad, the message, and the error with its stack; what else it carries varies from
line to line and is left out. Needs msgspec.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from opsagent_tools.logs.event import Trace
from opsagent_tools.logs.header import LEVELS
from opsagent_tools.logs.stacks import trace_of_stack
from opsagent_tools.logs.traces import said

_MESSAGES = ("msg", "message", "event", "@message", "textPayload", "short_message", "text", "body", "log", "@m", "@mt")
_LEVELS = (
    "level",
    "severity",
    "lvl",
    "levelname",
    "log.level",
    "@level",
    "loglevel",
    "logLevel",
    "severity_text",
    "@l",
)
_TIMES = ("time", "timestamp", "ts", "@timestamp", "t", "datetime", "asctime", "date", "eventTime", "@t")
_ERRORS = ("err", "error", "exception", "exc_info", "exc", "cause", "reason")
_STACKS = (
    "stack",
    "stack_trace",
    "stacktrace",
    "stackTrace",
    "error.stack_trace",
    "errorVerbose",
    "traceback",
    "trace",
    "exception",
)
_ANY_ERROR = frozenset((*_ERRORS, *_STACKS, "error.type", "error_type", "errorType", "error.message"))
_TEXT = 8192
"""Characters of a message that are kept."""
_SHOWN = 12
"""Fields that stand for the message of an object that has none."""
_DECODER = msgspec.json.Decoder()


@dataclass(slots=True)
class Said:
    """What a structured line says."""

    at: float | None
    level: str
    message: str
    trace: Trace | None = None


def parse_object(line: bytes | str) -> dict[str, Any] | None:
    """Return the object of a line; None if it is none."""
    try:
        found = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def is_docker(data: Mapping[str, Any]) -> bool:
    """Tell whether an object is a line of docker's json-file driver."""
    return "log" in data and "stream" in data and isinstance(data["log"], str)


def read_object(data: Mapping[str, Any], stamp: Callable[[str], float | None]) -> Said:
    """Return what an object says. `stamp` reads times that are written as text."""
    level = _level(data)
    message = _message(data)
    kind, text, stack = ("", "", "") if _ANY_ERROR.isdisjoint(data) else _error(data)
    trace = trace_of_stack(stack, kind, text) if stack else None
    if trace is not None:
        kind, text = kind or trace.exception, text or trace.message
    raised = said(kind, text)
    if raised and raised not in message and not (text and text in message and (not kind or kind in message)):
        both = kind if text and text in message else raised
        message = f"{message}: {both}" if message else raised
    if not message:
        message = _fields(data)
    return Said(_time(data, stamp), level, message[:_TEXT].strip(), trace)


def _level(data: Mapping[str, Any]) -> str:
    for key in _LEVELS:
        value = data.get(key)
        if value is None:
            continue
        if isinstance(value, str):
            return LEVELS.get(value) or LEVELS.get(value.lower().strip(), "")
        if isinstance(value, int) and not isinstance(value, bool):
            return _numbered(value)
        if isinstance(value, dict):  # winston's npm levels, log4j2's JsonTemplateLayout
            return LEVELS.get(str(value.get("name", value.get("value", ""))).lower(), "")
    nested = data.get("log")
    return _level(nested) if isinstance(nested, dict) else ""


def _numbered(number: int) -> str:
    """Return the level of pino's and bunyan's numbers (10 to 60), and of syslog's (0 to 7, GELF)."""
    if number < 10:
        return ("fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug")[number] if 0 <= number < 8 else ""
    for least, level in ((60, "fatal"), (50, "error"), (40, "warn"), (30, "info"), (20, "debug")):
        if number >= least:
            return level
    return "trace"


def _message(data: Mapping[str, Any]) -> str:
    for key in _MESSAGES:
        value = data.get(key)
        if isinstance(value, str) and value:
            return value
    for key in ("jsonPayload", "message", "fields", "data"):
        value = data.get(key)
        if isinstance(value, dict):
            found = _message(value)
            if found:
                return found
    return ""


def _error(data: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return type, message and stack of the error that an object carries."""
    kind, text, stack = _text(data, ("error.type", "error_type", "errorType")), _text(data, ("error.message",)), ""
    for key in _ERRORS:
        value = data.get(key)
        if isinstance(value, dict):
            kind = kind or _text(value, ("type", "name", "class", "exception_class", "exc_type"))
            text = text or _text(value, ("message", "msg", "exc_value", "exception_message"))
            stack = stack or _text(value, _STACKS)
        elif isinstance(value, str) and value:
            if "\n" in value:
                stack = stack or value
            elif key in ("err", "error", "exception"):
                text = text or value
    if not stack:
        found = _text(data, _STACKS)
        stack = found if "\n" in found else ""
    return kind, text, stack


def _text(data: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    for key in keys:
        value = data.get(key)
        if isinstance(value, str) and value:
            return value
    return ""


def _time(data: Mapping[str, Any], stamp: Callable[[str], float | None]) -> float | None:
    for key in _TIMES:
        value = data.get(key)
        if isinstance(value, str):
            return stamp(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _epoch(value)
        if isinstance(value, dict) and isinstance(value.get("seconds"), int):
            return _epoch(value["seconds"])
    return None


def _epoch(value: float) -> float | None:
    """Return seconds of a number that may be of seconds, milli-, micro- or nanoseconds."""
    if not 1e8 <= value < 1e19:  # a number of any length may stand there, longer than a float can hold
        return None
    for scale in (1.0, 1e3, 1e6, 1e9):
        if 1e8 <= value / scale < 1e10:
            return value / scale
    return None


_NAME = re.compile(r"[\w.@-]{1,60}")


def _fields(data: Mapping[str, Any]) -> str:
    """Return the fields of an object that says nothing in words."""
    skipped = {*_TIMES, *_LEVELS, "pid", "hostname", "host", "v"}
    shown = []
    for key, value in data.items():
        if key in skipped or not _NAME.fullmatch(key) or isinstance(value, dict | list):
            continue
        shown.append(f"{key}={value}")
        if len(shown) >= _SHOWN:
            break
    return " ".join(shown)
