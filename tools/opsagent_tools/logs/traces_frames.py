"""Stack traces whose frames are `at …`: Node's and Java's. Standard library only."""

from __future__ import annotations

import re

from opsagent_tools.logs.event import Trace
from opsagent_tools.logs.traces import names_exception, place, raised, said

_FRAME = re.compile(r"\s*at \S")
_JAVA_FRAME = re.compile(
    r"\s*at (?:[\w.@-]+//?)*(?P<method>[\w$.<>/-]+)\((?P<place>[\w$-]+\.(?:java|kt|scala|groovy|clj)(?::\d+)?"
    r"|Native Method|Unknown Source|<generated>|[\w$]+)\)"
)
_NODE_FRAME = re.compile(r"\s*at (?:(?P<function>.+?) \()?(?P<path>[^()]+?):(?P<line>\d+):\d+\)?,?(?: \{)?$")
_VAGUE = re.compile(r"\((?:<anonymous>|native|index \d+|eval at .*)\),?(?: \{)?$|at <anonymous>$")
"""Frames of Node's without a place."""
_NODE_FOREIGN = re.compile(r"node_modules/|^node:|internal/|^<anonymous|^native\b|^eval at|^\[eval\]|^evalmachine")
_JAVA_FOREIGN = re.compile(
    r"(?:java|javax|jakarta|sun|jdk|com\.sun|kotlin|kotlinx|scala|groovy|org\.(?:springframework|apache|hibernate|junit|eclipse"
    r"|jboss|postgresql|gradle|codehaus|slf4j|aspectj)|com\.(?:mysql|zaxxer|fasterxml|google|mongodb|netflix)|io\.(?:netty"
    r"|undertow|micrometer|grpc|lettuce)|reactor|feign|okhttp3|retrofit2|redis|ch\.qos)\."
)
_GENERATED = re.compile(r"\$\$(?:Lambda|EnhancerBy|FastClass|SpringCGLIB)|GeneratedMethodAccessor")
_OMITTED = re.compile(r"\s*\.\.\. \d+ (?:more|common frames omitted|lines matching)")
_CAUSED = re.compile(r"(?P<indent>\s*)(?:Caused by|Wrapped by): (?P<raised>.*)")
_SUPPRESSED = re.compile(r"(?P<indent>\s*)Suppressed: ")
_SOURCE = re.compile(
    r"(?:file://)?/[\w./@+ -]*\.[cm]?[jt]sx?:\d+$|(?:<anonymous_script>|\[eval\]|evalmachine\.<anonymous>):\d+$|node:[\w/]+:\d+$"
)
_CARET = re.compile(r"\s*\^+\s*$")
_INNER = re.compile(r"\s*(?:(?:\[cause\]|caused by): (?P<cause>.*)|\[errors\]: \[)")


def is_frame(line: str) -> bool:
    """Tell whether a line is a frame of Node's or Java's."""
    return _FRAME.match(line) is not None and (
        _JAVA_FRAME.match(line) is not None or _NODE_FRAME.match(line) is not None or _VAGUE.search(line) is not None
    )


def is_java_frame(line: str) -> bool:
    """Tell whether a frame is one of Java's."""
    return _JAVA_FRAME.match(line) is not None


def is_source_place(line: str) -> bool:
    """Tell whether Node's report of an uncaught exception begins with this line."""
    return _SOURCE.match(line) is not None


class NodeJoint:
    """An exception as Node prints it: uncaught, or an error object with its frames, its fields and its cause."""

    def __init__(self, head: str = "", *, source: str = "") -> None:
        """`head`: the line that names the exception; `source`: the place with which an uncaught one begins."""
        self.uncaught = bool(source)
        self._kind, self._message = raised(head) if head else ("", "")
        self._awaited = 3 if source else 0
        """Lines that may come until the exception is named: its source line, a caret, a blank one."""
        self._cause: tuple[str, str] | None = None
        self._frame = ""
        self._in_cause = self._errors = self._blank = self._framed = False
        self._body = head.endswith("{")
        if source:
            path, _, line = source.rpartition(":")
            self._frame = place(path, line) if not _NODE_FOREIGN.search(path.removeprefix("file://")) else ""
            self._from_source = True
        else:
            self._from_source = False

    def feed(self, line: str) -> bool:
        if not line.strip():
            self._blank = True
            return True
        if self._awaited:
            return self._feed_awaited(line)
        if line.startswith("Node.js v"):
            self.uncaught = True
            return True
        if line.startswith(("Emitted 'error' event on ", "Thrown at:")):
            self._in_cause = True  # its frames say who listens, not who failed
            return True
        if self._blank:
            return False
        if line.startswith("caused by: "):  # as pino writes it
            self._note(line)
            return True
        if line[0] in "}]" and self._body:
            self._body = False
            return True
        if line[0] not in " \t":
            return self._feed_unframed(line)
        self._note(line)
        return True

    def _feed_awaited(self, line: str) -> bool:
        if _CARET.match(line):
            self._awaited = 1
        elif self._awaited == 3:
            self._awaited = 2
        elif line[0] in " \t":
            pass
        else:
            self._kind, self._message = raised(line.removeprefix("Uncaught "))
            self._kind = self._kind or "Uncaught"
            self._body = line.endswith("{")
            self._awaited = 0
        self._blank = False
        return True

    def _feed_unframed(self, line: str) -> bool:
        """Take a line between the message and the first frame: the rest of a message of several lines."""
        return not self._framed and line.startswith(("Require stack:", "- /", "(Use `node "))

    def _note(self, line: str) -> None:
        inner = _INNER.match(line)
        if inner is not None:
            self._in_cause, self._errors = True, inner["cause"] is None
            if inner["cause"] is not None:
                self._cause = raised(inner["cause"])
        elif self._errors and self._cause is None and names_exception(line):
            self._cause = raised(line.strip())
        found = _NODE_FRAME.match(line)
        if found is None:
            return
        self._framed = True
        self._body = self._body or line.endswith("{")
        path = found["path"].removeprefix("file://").removeprefix("async ")
        if self._in_cause or (self._frame and not self._from_source) or _NODE_FOREIGN.search(path):
            return
        self._frame, self._from_source = place(path, found["line"], _function(found["function"])), False

    def trace(self) -> Trace:
        return Trace(
            language="node",
            exception=self._kind or "Error",
            message=self._message,
            cause=said(*self._cause) if self._cause is not None else "",
            frame=self._frame,
        )


def _function(name: str | None) -> str:
    """Return the name of a function as a person knows it."""
    if name is None:
        return ""
    name = re.sub(r" \[as [^\]]*\]", "", name).removeprefix("async ").removeprefix("new ")
    return "" if name in {"Object.<anonymous>", "<anonymous>"} else name


class JavaJoint:
    """An exception as the JVM prints it, with its causes and what was suppressed."""

    def __init__(self, head: str) -> None:
        """`head`: the line that names the exception."""
        self.uncaught = head.startswith("Exception in thread ")
        self._kind, self._message = raised(re.sub(r'^Exception in thread "[^"]*" ', "", head))
        self._cause: tuple[str, str] | None = None
        self._frame = self._cause_frame = ""
        self._aside: int | None = None
        """The indentation of the suppressed exception that is being read."""

    def feed(self, line: str) -> bool:
        if not line.strip():
            return False
        if line.startswith(("\tat ", "    at ")):
            if self._aside is None and not (self._frame if self._cause is None else self._frame or self._cause_frame):
                found = _JAVA_FRAME.match(line)
                if found is not None:
                    self._note(found["method"], found["place"])
            return True
        caused = _CAUSED.match(line)
        if caused is not None:
            if self._aside is None or len(caused["indent"]) < self._aside:
                self._aside, self._cause = None, raised(caused["raised"])
            return True
        suppressed = _SUPPRESSED.match(line)
        if suppressed is not None:
            self._aside = self._aside if self._aside is not None else len(suppressed["indent"])
            return True
        if line[0] not in " \t":
            return bool(_OMITTED.match(line) or _JAVA_FRAME.match(line))
        found = _JAVA_FRAME.match(line)
        if found is not None and self._aside is None:
            self._note(found["method"], found["place"])
        return True

    def _note(self, method: str, where: str) -> None:
        if _JAVA_FOREIGN.match(method) or _GENERATED.search(method):
            return
        owner, _, name = method.rpartition(".")
        shown = f"{where} {owner.rpartition('.')[2]}.{name}"
        if self._cause is None:
            self._frame = self._frame or shown
        else:
            self._cause_frame = self._cause_frame or shown

    def trace(self) -> Trace:
        return Trace(
            language="java",
            exception=self._kind or "Exception",
            message=self._message,
            cause=said(*self._cause) if self._cause is not None else "",
            frame=self._frame or self._cause_frame,
        )
