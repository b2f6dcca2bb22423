"""Tracebacks of Python: chained, of groups, of syntax errors. Standard library only."""

from __future__ import annotations

import re

from opsagent_tools.logs.event import Trace
from opsagent_tools.logs.traces import MESSAGE_CHARS, place, said

_HEAD = re.compile(r"(?:Exception Group )?Traceback \(most recent call last\):")
_FILE = re.compile(r'\s+File "(?P<path>[^"]*)", line (?P<line>\d+)(?:, in (?P<function>.*))?')
_LAST = re.compile(r"(?P<type>[A-Za-z_][\w.<>]*)(?:: ?(?P<message>.*)|$)")
_BARE_TYPE = re.compile(r"(?:[\w<>]+\.)*_*[A-Z][\w]*$")
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_GROUP = re.compile(r"\s*[|+](?: ?|[-+ ]*(?:\d+|\.\.\.)? ?-*)")
_FOREIGN = re.compile(r"site-packages|dist-packages|/lib(?:64)?/python\d|^<(?!string|stdin|console)|importlib")


def begins(line: str) -> bool:
    """Tell whether a traceback begins with this line."""
    body = line.lstrip(" |+")
    return body.startswith(("Traceback (most", "Exception Group Traceback (most")) or line.startswith('  File "')


class PythonJoint:
    """A traceback, and those that are chained to it."""

    uncaught = False

    def __init__(self) -> None:
        self._raised: list[tuple[str, str]] = []
        """One for each traceback of the chain, the first one is the root."""
        self._inner: tuple[str, str] | None = None
        """The first exception in a group."""
        self._frame = self._foreign = ""
        self._done = self._chained = self._blank = self._group = False

    def feed(self, line: str) -> bool:
        if not line.strip():
            self._blank = True
            return self._done or not self._raised
        if self._group and _GROUP.match(line):
            return self._feed_group(line)
        if not self._done:
            return self._feed_frames(line)
        return self._feed_behind(line)

    def _feed_frames(self, line: str) -> bool:
        self._blank = False
        body = line.lstrip(" |+")
        if _HEAD.match(body):
            self._group = self._group or body.startswith("Exception Group")
            self._frame = self._foreign = ""
            return True
        if line[0] in " \t":
            self._note_frame(line)
            return True
        return self._feed_last(line)

    def _feed_last(self, line: str) -> bool:
        found = _LAST.match(line)
        if found is None or (found["message"] is None and not _BARE_TYPE.match(found["type"])):
            return False
        self._raised.append((found["type"], (found["message"] or "")[:MESSAGE_CHARS]))
        self._done = True
        return True

    def _feed_behind(self, line: str) -> bool:
        """Take what may follow the last line of a traceback: notes, more of its message, the next of its chain."""
        if line.startswith(_CHAINED):
            self._chained, self._blank = True, False
            return True
        if self._chained and begins(line):
            self._done = self._chained = self._blank = False
            return self._feed_frames(line)
        return line[0] in " \t" and not self._blank and not begins(line)

    def _feed_group(self, line: str) -> bool:
        body = _GROUP.sub("", line, count=1)
        if body[:1] in {" ", "\t"} or not body:
            if not self._done:
                self._note_frame(body)
            return True
        found = _LAST.match(body)
        if found is None or _HEAD.match(body) or body[0] in "|+":
            return True
        if not self._done:
            return self._feed_last(body)
        if self._inner is None and found["message"] is not None:
            self._inner = (found["type"], (found["message"] or "")[:MESSAGE_CHARS])
        return True

    def _note_frame(self, line: str) -> None:
        found = _FILE.match(line)
        if found is None:
            return
        shown = place(found["path"], found["line"], found["function"] or "")
        if _FOREIGN.search(found["path"]):
            self._foreign = shown
        else:
            self._frame = shown

    def trace(self) -> Trace:
        kind, message = self._raised[-1] if self._raised else ("", "")
        root = self._inner or (self._raised[0] if len(self._raised) > 1 else None)
        return Trace(
            language="python",
            exception=kind,
            message=message,
            cause=said(*root) if root is not None else "",
            frame=self._frame,
        )
