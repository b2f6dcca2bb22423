"""The durable part of a log line: what stays the same when the same thing happens again, elsewhere, later.

Stateless: the signature of a line depends on nothing but that line, so it is the same on every host and in any order.
"""

from __future__ import annotations

import json
import re

from opsagent_tools.logs.levels import level_of

_LIMIT = 200
_LONGEST = 2000
"""Characters of a line that are looked at."""

_TIME = re.compile(
    r"^[\[(]?(?:"
    r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z| ?[+-]\d\d:?\d\d| UTC)?"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [\w.-]+(?= \S+\[\d+\]:))?"
    r"|\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?: [+-]\d{4})?"
    r"|\d\d:\d\d:\d\d(?:[.,]\d+)?"
    r"|\d{10}(?:\.\d+|\d{3})?(?=\s)"
    r")[\])]?[\s|:,-]*"
)
_MASKS = re.compile(
    r"(?P<url>\b[a-z][a-z0-9+.-]*://[^\s'\"<>,)]+)"
    r"|(?P<str>'[^']*'|\"[^\"]*\"|`[^`]*`)"
    r"|(?P<email>\b[\w.+-]+@[\w-]+\.[\w.-]+\b)"
    r"|(?P<uuid>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)"
    r"|(?P<time>\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)"
    r"|(?P<addr>(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{1,4}\b"
    r"|\blocalhost:\d+|\[::\d*\]:\d+)"
    r"|(?P<path>(?<![\w/.])(?:~|\.{1,2})?(?:/[\w@%+=:.,~-]+){2,}/?|(?<![\w/.])[A-Za-z]:\\[^\s'\"]+)"
    r"|(?P<hex>\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{7,}\b)"
    r"|(?P<dur>(?<![\w.])-?\d+(?:\.\d+)?\s?(?:ns|us|µs|ms|s|secs?|seconds?|min|minutes?|h|hours?)\b)"
    r"|(?P<id>\b(?=[A-Za-z_-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9_-]{16,}\b)"
    r"|(?P<n>(?<![A-Za-z_])[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?(?:\s?(?:%|[KMGT]i?B|[kKMGT]B?|B|bytes)\b)?)"
)
_SPACES = re.compile(r"\s+")
_MESSAGE_KEYS = ("msg", "message", "event", "error", "err", "exception")


def signature(line: str) -> str:
    """Return the signature of a line: header stripped, every value masked, at most 200 characters."""
    line = line[:_LONGEST].strip()
    if line.startswith("{"):
        line = _json_message(line)
    masked = _MASKS.sub(lambda found: f"<{found.lastgroup}>", _TIME.sub("", line))
    return _SPACES.sub(" ", masked).strip()[:_LIMIT]


def _json_message(line: str) -> str:
    """Return `level message` of a JSON line; the line itself where it is none."""
    try:
        data = json.loads(line)
    except ValueError:
        return line
    if not isinstance(data, dict):
        return line
    parts = [level_of(line) or ""]
    for key in _MESSAGE_KEYS:
        value = data.get(key)
        if isinstance(value, dict):
            value = " ".join(str(value[name]) for name in ("type", "name", "message") if name in value)
        if isinstance(value, str) and value and value not in parts:
            parts.append(value)
    return " ".join(part for part in parts if part) or line
