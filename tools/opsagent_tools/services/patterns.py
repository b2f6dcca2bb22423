"""Which changed files do not count: the patterns of `ignore_watch`, in the language of chokidar. Standard library only.

A plain path means itself and everything below; a pattern may hold `*`, `**`, `?`, `[a-z]` and `{one,other}`. Both are
relative to the folder that the service runs in.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Sequence
from pathlib import Path

DEFAULT = re.compile(r"(^|/)\.[^/]|(^|/)node_modules(/|$)")
"""Where nothing is said: whatever begins with a dot, and node_modules."""
_LONGEST = 1024
_MOST_STARS = 8
"""Each one multiplies how long a comparison may take."""
_GLOB = re.compile(r"[*?\[{]")
_PIECES = re.compile(r"/\*\*(?=/|$)|\*\*/?|\*|\?|\[!?[^\]/]+\]|\{[^{}/]*\}|.", re.DOTALL)


class Ignored:
    """The patterns of one service. Raises ValueError for one that cannot be read."""

    def __init__(self, patterns: Sequence[str], root: Path) -> None:
        self._root = str(root)
        self._found = [_compiled(pattern, self._root) for pattern in patterns]

    def __call__(self, path: str) -> bool:
        """Tell whether a change of `path` (absolute) does not count."""
        if not self._found:
            below = path.removeprefix(self._root)
            return DEFAULT.search(below) is not None
        return any(pattern.fullmatch(path) for pattern in self._found)


def _compiled(pattern: str, root: str) -> re.Pattern[str]:
    if not pattern or "\0" in pattern:
        raise ValueError("is empty")
    if len(pattern) > _LONGEST or pattern.count("*") > _MOST_STARS:
        raise ValueError(f"is longer than {_LONGEST} characters, or has more than {_MOST_STARS} stars")
    rooted = pattern if pattern.startswith(("/", "**")) else f"{root}/{pattern.removeprefix('./')}"
    if _GLOB.search(pattern) is None:
        return re.compile(re.escape(os.path.normpath(rooted)) + r"(/.*)?", re.DOTALL)
    body = "".join(map(_piece, _PIECES.findall(rooted)))
    try:
        # Without a leading slash it may begin anywhere; what lies below a folder that matches is ignored with it.
        return re.compile(("(.*/)?" if pattern.startswith("**") else "") + body + r"(/.*)?", re.DOTALL)
    except re.error as error:
        raise ValueError(f"cannot be read ({error})") from None


def _piece(piece: str) -> str:
    if piece == "/**":
        return "(/.*)?"
    if piece in ("**/", "**"):
        return "(.*/)?" if piece.endswith("/") else ".*"
    if piece == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if piece.startswith("[") and len(piece) > 2:
        inside = piece[1:-1]
        return f"[{'^' if inside.startswith('!') else ''}{re.escape(inside.lstrip('!')).replace(re.escape('-'), '-')}]"
    if piece.startswith("{") and len(piece) > 2:
        return f"({'|'.join(map(_alternative, piece[1:-1].split(',')))})"
    return re.escape(piece)


def _alternative(text: str) -> str:
    return "".join(map(_piece, _PIECES.findall(text)))
