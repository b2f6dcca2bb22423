"""Is a file that nobody declared a log? By its name, and by what stands in it. Looks only; never a reason of its own to act.

What a program keeps is none, whatever its ending: the journals of stores (`000003.log`), what is named after what it
keeps (`orders.log`), anything that is no text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from opsagent_tools.logs.header import LEVELS
from opsagent_tools.logs.levels import level_of

_LOG_NAME = re.compile(r"(?:^|[._-])(?:logs?|out|err|stdout|stderr|trace|debug|access|error)(?:$|[._-])", re.IGNORECASE)
_PLAIN = frozenset({".log", ".out", ".err"})
_ONLY_A_NUMBER = re.compile(r"[0-9a-f]{5,}\.log", re.IGNORECASE)
"""How stores name their journals (`00000000000000000000.log`)."""
_KEPT = re.compile(
    r"(?:^|[._-])(?:wal|journal|commits?|transactions?|txn|binlog|redo|undo|oplog|aof|raft|changelog|audit|orders?|ledger"
    r"|queue|events?|store|data|db|index|history|backup|archive)(?:$|[._-])",
    re.IGNORECASE,
)
_LOG_FOLDERS = frozenset({"log", "logs"})
_STAMPED = re.compile(
    r"\W{0,2}(?:\d{4}[-/.]\d\d[-/.]\d\d[T ]|\d\d[-/.]\d\d[-/.]\d{2,4} |\d\d:\d\d:\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:)"
)
"""A date or a time of day at the beginning of a line."""
_REQUEST = re.compile(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d")
"""As web servers write it."""
_SAYS = re.compile(r'"(?:msg|message|event|log)"\s*:')
_VALUE = re.compile(r':\s*"([A-Za-z]{3,11})"')
_SAMPLE, _HEAD = 512 * 1024, 400
_TELLING, _WORDS = 0.5, 4
_TEXT = 0.95


def named_like_a_log(path: str) -> bool:
    """Tell whether the name says so."""
    name = os.path.basename(path)  # noqa: PTH119
    return bool(_LOG_NAME.search(name)) and not _ONLY_A_NUMBER.fullmatch(name) and not _KEPT.search(name)


def reads_like_a_log(path: Path) -> bool:
    """Tell whether it holds lines as programs log them; of what is named plainly (`api.log`), whether it holds text."""
    lines = _lines(path)
    if not lines:
        return False
    if path.suffix in _PLAIN or path.parent.name in _LOG_FOLDERS:
        return sum(_is_text(line) for line in lines) >= _TEXT * len(lines)
    return sum(_is_told(line) for line in lines) >= _TELLING * len(lines)


def _lines(path: Path) -> list[str]:
    """Return the beginnings of its last lines; none of what cannot be read, or holds NULs between them."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        size = os.fstat(descriptor).st_size
        raw = os.pread(descriptor, _SAMPLE, max(0, size - _SAMPLE)).lstrip(b"\0")
    finally:
        os.close(descriptor)
    cut = raw.split(b"\n")
    whole = cut[1:-1] if size > _SAMPLE else cut[:-1]
    return [line[:_HEAD].decode("utf-8", "replace") for line in whole if line.strip()]


def _is_text(line: str) -> bool:
    odd = sum(not (char.isprintable() or char in "\t\r\x1b") or char == "\ufffd" for char in line[:-4])
    return odd <= (1 - _TEXT) * len(line)


def _is_told(line: str) -> bool:
    if level_of(line) is not None or _REQUEST.search(line):
        return True
    if line.startswith("{"):
        return bool(_SAYS.search(line)) or any(value in LEVELS for value in _VALUE.findall(line))
    return _STAMPED.match(line) is not None and len(line.split()) >= _WORDS
