"""What Go prints when it panics, and dumps of goroutines. Standard library only."""

from __future__ import annotations

import re

from opsagent_tools.logs.event import Trace
from opsagent_tools.logs.traces import MESSAGE_CHARS, place

_GOROUTINE = re.compile(r"goroutine \d+ (?:gp=\S+ |m=\S+ |mp=\S+ )*\[[^\]]*\]:")
_FUNCTION = re.compile(
    r"(?P<name>[\w./*()\[\]·~{}$-]+)\((?:[^()]|\([^()]*\))*\)(?: in goroutine \d+)?$|created by (?P<by>\S+)"
)
_BARE_FUNCTION = re.compile(r"(?:[\w.-]+/)*[\w-]+\.[\w.()*\[\]·]+$")
_PLACE = re.compile(r"\s+(?P<path>\S.*?):(?P<line>\d+)(?: \+0x[0-9a-f]+)?(?: fp=.*)?$")
_HEAD = re.compile(r"(?P<kind>panic|fatal error): (?P<message>.*)")
_AGAIN = re.compile(r"\s*panic: (?P<message>.*)")
_MORE = re.compile(
    r"\[signal |\[recovered\]|\[originating from |\.\.\.(?:additional|\d+) frames|exit status \d+$|runtime stack:|runtime: "
    r"|(?:r[a-z0-9]{1,2}|rflags|rip|eflags|[cdefgs]s|pc|sp|lr|x\d+) +0x[0-9a-f]+$|goroutine running on other thread"
)
_FOREIGN = re.compile(
    r"/(?:usr/(?:local|lib|share)/go[\w.-]*|go[\d.-]*/src|goroot|pkg/mod|vendor|\w*toolcache/go)/|^_cgo"
)
_HEAD_LINES = 8
"""Lines of a panic's message, up to the first goroutine."""


def begins(line: str) -> bool:
    """Tell whether a panic or a dump begins with this line."""
    return line.startswith(("panic: ", "fatal error: ")) or (
        line.startswith("goroutine ") and _GOROUTINE.match(line) is not None
    )


def is_stack(line: str) -> bool:
    """Tell whether a stack as Go's loggers write it begins with this line: a function, its place below."""
    return _BARE_FUNCTION.match(line) is not None or (line[:1] not in {" ", "\t"} and _FUNCTION.match(line) is not None)


class GoJoint:
    """A panic with the goroutines that are dumped behind it; or such a dump alone, or a `stacktrace` of a logger."""

    def __init__(self, head: str, *, kind: str = "") -> None:
        """`head`: the line before the first goroutine, or that of the goroutine itself; `kind`: the type of the error
        where something else than the runtime names it.
        """
        found = _HEAD.search(head)
        serving = re.search(r"panic serving \S+: (?P<message>.*)", head)
        self._kind, self._message = kind, head if kind else ""
        if found is not None:
            self._kind, self._message = found["kind"], found["message"]
        elif serving is not None:
            self._kind, self._message = "panic", serving["message"]
        elif not kind:
            self._kind, self._message = "panic" if "panic" in head else "goroutine dump", ""
        self.uncaught = found is not None
        self._cause = ""
        self._again()
        self._left = _HEAD_LINES if found is not None else 0
        self._function = self._frame = ""
        self._blank = False
        self._goroutines = 0
        if _GOROUTINE.match(head):
            self._goroutines, self._left = 1, 0

    def _again(self) -> None:
        """A panic that was recovered and raised again says so."""
        self._message = self._message[:MESSAGE_CHARS]
        if self._message.endswith(" [recovered]"):
            self._message = self._message.removesuffix(" [recovered]")

    def feed(self, line: str) -> bool:
        if not line.strip():
            self._blank = True
            return True
        if _GOROUTINE.match(line):
            self._goroutines, self._left, self._blank = self._goroutines + 1, 0, False
            return True
        if self._left:
            return self._feed_head(line)
        if _MORE.match(line):
            self._blank = False
            return True
        if self._blank:
            return False
        return self._feed_frame(line)

    def _feed_head(self, line: str) -> bool:
        self._left -= 1
        again = _AGAIN.match(line)
        if again is not None:
            self._cause = self._cause or f"panic: {self._message}"
            self._message = again["message"]
            self._again()
        return True

    def _feed_frame(self, line: str) -> bool:
        found = _FUNCTION.match(line)
        if found is not None and line[0] not in " \t":
            self._function = "" if found["by"] else found["name"]
            return True
        if line[0] in " \t":
            where = _PLACE.match(line)
            if where is not None:
                self._note(where["path"], where["line"])
            return True
        if _BARE_FUNCTION.match(line):
            self._function = line
            return True
        return False

    def _note(self, path: str, line: str) -> None:
        function, self._function = self._function, ""
        if self._frame or not function or self._goroutines > 1 or _FOREIGN.search(path):
            return
        if not function.startswith(("runtime.", "panic", "testing.")):
            self._frame = place(path, line, function.rpartition("/")[2])

    def trace(self) -> Trace:
        return Trace(language="go", exception=self._kind, message=self._message, cause=self._cause, frame=self._frame)
