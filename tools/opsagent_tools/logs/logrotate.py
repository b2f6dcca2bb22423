"""Whether logrotate(8) has a rule for a log: its configuration is looked at, as text. Rules are never run or changed."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterable
from pathlib import Path

_PLACES = ("etc/logrotate.conf", "etc/logrotate.d")
_LONGEST = 256 * 1024


def rule_for(logs: Iterable[str], root: Path = Path("/")) -> str:
    """Return the file of logrotate that names one of `logs`, by itself or by a pattern; empty: none does."""
    wanted = list(logs)
    for place in _PLACES:
        where = root / place
        files = sorted(where.iterdir()) if where.is_dir() else [where]
        for file in files:
            if any(fnmatch.fnmatchcase(log, pattern) for pattern in _patterns(file) for log in wanted):
                return "/" + str(file.relative_to(root))
    return ""


def _patterns(file: Path) -> tuple[str, ...]:
    try:
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LONGEST:
                return ()
            text = opened.read().decode("utf-8", "replace")
    except OSError:
        return ()
    lines = (line.split("#")[0] for line in text.splitlines())
    words = (word.strip("{}\"'") for line in lines for word in line.split())
    return tuple(word for word in words if word.startswith("/"))
