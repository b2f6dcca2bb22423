"""Log lines of `key=value` pairs (logfmt): logrus, slog's text, go-kit, Heroku, HAProxy's. Standard library only."""

from __future__ import annotations

import re

_BEGINS = re.compile(r"[A-Za-z_@][\w.@/-]{0,60}=(?:\"|\S)")
_PAIR = re.compile(r"([A-Za-z_@][\w.@/-]{0,60})=(\"(?:[^\"\\]|\\.)*\"|[^\s\"]*)")
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_LONGEST = 16_384


def says_pairs(text: str) -> bool:
    """Ask the cheap question: may this be logfmt?"""
    return "msg=" in text or "level=" in text or "lvl=" in text


def parse_pairs(text: str) -> dict[str, str] | None:
    """Return the pairs of a line that is logfmt and says a level or a message; None if it is none."""
    if not says_pairs(text) or _BEGINS.match(text) is None:
        return None
    found: dict[str, str] = {}
    for key, value in _PAIR.findall(text[:_LONGEST]):
        found.setdefault(key, _unquoted(value) if value[:1] == '"' else value)
    return found


def _unquoted(value: str) -> str:
    inner = value[1:-1]
    return _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[1]), inner) if "\\" in inner else inner
