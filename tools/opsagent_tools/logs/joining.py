"""Joins the lines of one source into events: the lines of a stack trace into one, with what is known of it.

The last line is held back until the next one shows whether it was the head of a trace. A line that states its own
level begins something new and ends what was being read; every other line is asked of the trace that is open. No line
is lost: one that fits nothing is an event of its own. Bounded in lines; the lines of a trace are not kept.
"""

from __future__ import annotations

from opsagent_tools.logs import traces_go, traces_python
from opsagent_tools.logs.event import LogEvent, Trace
from opsagent_tools.logs.traces import MESSAGE_CHARS, NAMED, RAISED, Joint, names_exception, said
from opsagent_tools.logs.traces_frames import JavaJoint, NodeJoint, is_frame, is_java_frame, is_source_place
from opsagent_tools.logs.traces_go import GoJoint
from opsagent_tools.logs.traces_python import PythonJoint

MAX_LINES = 2000
"""Lines of one event; more of them begin another."""
_MESSAGE_LINES = 8
"""Lines that the message of an exception may have before its first frame."""
_LOOKED_AT = MESSAGE_CHARS
"""Characters of a line that are looked at for a trace."""
_DETAILS = 200
"""Indented lines that belong to the line above."""
BAD = frozenset({"warn", "error", "fatal"})
_GOOD = "info"
"""What is raised behind such a line is not what it speaks of: a runtime printed it. Loggers of Java do write such traces."""
_INTRODUCE = ("Exception ", "Unhandled ", "Uncaught ", "Task exception", "future: ", "Error ", "ERROR", "Traceback")


_UNTOLD = "Traceback without an end"
"""Stands for a trace whose exception was not read: another process wrote in between, or it was too long."""
_ODD = frozenset(("", *" \t|+}])<["))
_BEGIN = ("at ", "Traceback ", "Exception ", "goroutine ", "panic: ", "fatal error: ", "/", "file://", "node:")


class Joiner:
    """What is held back of one source, and the trace that is being read."""

    def __init__(self) -> None:
        self.last: LogEvent | None = None
        """The line that is held back."""
        self.busy = False
        """Whether more than one line that states its level is held: `add` has to be asked."""
        self._body = ""
        self._strong = True
        self._more: list[tuple[LogEvent, str]] = []
        self._joint: Joint | None = None
        self._head: LogEvent | None = None
        self._head_strong = False
        self._at: float | None = None
        self._count = 0
        self._in_object = self._introduced = False

    def is_plain(self, event: LogEvent, body: str) -> bool:
        """Ask the cheap question of a line that states no level: has it surely nothing to do with a trace?"""
        last = self.last
        return not event.level and (last is None or last.level not in BAD) and has_nothing_of_a_trace(body)

    def hold(self, event: LogEvent, body: str, strong: bool) -> None:
        """Hold back a line that begins something new. Only while not `busy`, after `last` was given out."""
        self.last, self._body, self._strong, self._in_object = event, body, strong, False

    def introduce(self, event: LogEvent, out: list[LogEvent]) -> None:
        """Hold back the first line of two; the next one brings level and message."""
        self.flush(out)
        self.hold(event, "", False)
        self._introduced = self.busy = True

    def add(self, event: LogEvent, body: str, strong: bool, out: list[LogEvent]) -> None:
        """Take in a line. `body`: without its header, with its indentation; `strong`: it states its level."""
        if len(body) > _LOOKED_AT:
            body = body[:_LOOKED_AT]
        if self._joint is not None:
            if not strong and self._count < MAX_LINES and self._joint.feed(body):
                self._count += 1
                return
            self._close(out)
        if self._introduced:
            self._introduced = self.busy = False
            if strong and event.at is None and self.last is not None:
                event.at, event.lines, self.last = self.last.at, 2, None
        if strong:
            self.flush(out)
            self.hold(event, body, True)
            return
        if not body.strip():
            return
        if not self._begin(event, body, out):
            self._hold_weak(event, body, out)
        self.busy = self._joint is not None or bool(self._more)

    def flush(self, out: list[LogEvent]) -> None:
        """Give out everything that is held back."""
        if self._joint is not None:
            self._close(out)
        if self.last is not None:
            out.append(self.last)
        out.extend(event for event, _ in self._more)
        self.last, self._more = None, []
        self._in_object = self._introduced = self.busy = False

    def _hold_weak(self, event: LogEvent, body: str, out: list[LogEvent]) -> None:
        last = self.last
        if last is not None and self._belongs(last, body):
            last.lines += 1
            return
        if last is not None and self._may_go_on(body):
            self._more.append((event, body))
            return
        self.flush(out)
        self.hold(event, body, False)

    def _belongs(self, last: LogEvent, body: str) -> bool:
        """Tell whether a line is a detail of the one above: indented below an error, or part of a printed object."""
        if self._more or last.lines >= _DETAILS:
            return False
        indented = body[0] in " \t"
        if self._in_object or (indented and not self._strong and self._body.endswith(("{", "["))):
            self._in_object = indented
            return indented or body[0] in "}]"
        return indented and self._strong and last.level in BAD

    def _may_go_on(self, body: str) -> bool:
        """Tell whether the held lines may be the head of a trace of which this line is a part too."""
        if self._more:
            return len(self._more) < _MESSAGE_LINES
        if not self._strong:
            return names_exception(self._body)
        failed = self.last is not None and self.last.level in BAD
        return names_exception(body) or (failed and NAMED.match(body) is not None)

    def _begin(self, event: LogEvent, body: str, out: list[LogEvent]) -> bool:
        """Open a joint if a trace shows by this line."""
        first = body[0]
        if first in " \ta" and is_frame(body):
            self._begin_frames(event, body, out)
            return True
        if first in "T |+E" and traces_python.begins(body):
            joined = self.last is not None and (
                (self._strong and self.last.level != _GOOD)
                or self.last.message.startswith(_INTRODUCE)
                or self._body.endswith(":")
            )
            self._open(PythonJoint(), event, body, out, joined=joined)
            return True
        if traces_go.begins(body):
            panicked = self.last is not None and not self._more and "panic" in self.last.message and first == "g"
            joint = GoJoint(self.last.message[:_LOOKED_AT] if panicked and self.last is not None else body)
            self._open(joint, event, body if panicked else "", out, joined=panicked)
            return True
        if is_source_place(body):
            self._open(NodeJoint(source=body.strip()), event, "", out, joined=False)
            return True
        return False

    def _begin_frames(self, event: LogEvent, body: str, out: list[LogEvent]) -> None:
        """Open a trace by its first frame: the held lines have its head."""
        held = (
            []
            if self.last is None
            else [(self.last, (self.last.message if self._strong else self._body)[:_LOOKED_AT]), *self._more]
        )
        names = next(
            (index for index in range(len(held) - 1, -1, -1) if names_exception(held[index][1])), len(held) - 1
        )
        joint: Joint
        head = held[names][1].strip() if held else ""
        java = is_java_frame(body)
        joint = JavaJoint(head) if java else NodeJoint(head)
        apart = not java and self.last is not None and self.last.level == _GOOD and names > 0
        begin = 0 if held and self._strong and not apart else max(names, 0)
        out.extend(one for one, _ in held[:begin])
        self._head = held[begin][0] if held else None
        self._head_strong = self._strong if begin == 0 else False
        first = self._head or event
        self._at, self._count = first.at, sum(one.lines for one, _ in held[begin:]) + 1
        self._joint, self.last, self._more, self._in_object = joint, None, [], False
        joint.feed(body)
        if self._head is None:
            self._head = event
            self._head_strong = False

    def _open(self, joint: Joint, event: LogEvent, body: str, out: list[LogEvent], *, joined: bool) -> None:
        """Begin a trace with this line; `joined`: the line that is held belongs to it."""
        if self._more or not joined:
            self.flush(out)
        head = self.last
        self._head, self._head_strong = head, self._strong
        self._at = head.at if head is not None else event.at
        self._count = (head.lines if head is not None else 0) + 1
        self._joint, self.last, self._in_object = joint, None, False
        if body:
            joint.feed(body)

    def _close(self, out: list[LogEvent]) -> None:
        """Give out the trace that was read."""
        joint, head = self._joint, self._head
        self._joint, self._head, self.busy = None, None, False
        if joint is None:
            return
        trace = joint.trace()
        level = head.level if head is not None and self._head_strong else ""
        if not level:
            level = "warn" if trace.exception.endswith("Warning") else "fatal" if joint.uncaught else "error"
        message = _message(head.message if head is not None else "", trace)
        out.append(LogEvent(self._at, level, message, lines=self._count, trace=trace))


def has_nothing_of_a_trace(body: str) -> bool:
    """Tell whether a line surely is no part of a trace, nor begins one. `body`: without its header."""
    return body[:1] not in _ODD and not body.startswith(_BEGIN)


def _message(head: str, trace: Trace) -> str:
    """Return the line that stands for a trace: what the program said, and the exception."""
    whole = said(trace.exception, trace.message)
    head = head[:_LOOKED_AT].removesuffix(" {").rstrip(":").rstrip()
    if head.startswith("[") and head.endswith("]") and RAISED.match(head, 1):
        head = head[1:-1]  # as Node prints an error without frames
    if not head or head == trace.message:
        return whole or _UNTOLD
    if trace.exception in head or RAISED.search(head) or not whole:
        return head
    return f"{head}: {whole}"
