"""A stack that stands in one field of a structured line, read as if it were printed. Standard library only."""

from __future__ import annotations

from dataclasses import replace

from opsagent_tools.logs import traces_go, traces_python
from opsagent_tools.logs.event import Trace
from opsagent_tools.logs.traces import MESSAGE_CHARS, Joint
from opsagent_tools.logs.traces_frames import JavaJoint, NodeJoint, is_frame, is_java_frame
from opsagent_tools.logs.traces_go import GoJoint
from opsagent_tools.logs.traces_python import PythonJoint

_LINES = 400


def trace_of_stack(stack: str, kind: str = "", message: str = "") -> Trace | None:
    """Return the trace that a text holds; None if it holds none. `kind`, `message`: what other fields say of it."""
    lines = [line[:MESSAGE_CHARS] for line in stack.split("\n", _LINES)[:_LINES]]
    joint: Joint | None = None
    for index, line in enumerate(lines):
        joint = _begin(line, lines[0] if index else "", kind, message)
        if joint is not None:
            for following in lines[index:]:
                joint.feed(following)
            break
    if joint is None:
        return None
    trace = joint.trace()
    return replace(
        trace,
        exception=kind if kind and (trace.exception in ("", "Error") or trace.language == "go") else trace.exception,
        message=trace.message or message,
    )


def _begin(line: str, head: str, kind: str, message: str) -> Joint | None:
    if not line.strip():
        return None
    if traces_python.begins(line):
        return PythonJoint()
    if is_frame(line):
        head = head or (f"{kind}: {message}" if kind else message)
        return JavaJoint(head) if is_java_frame(line) else NodeJoint(head)
    if traces_go.begins(line):
        return GoJoint(line)
    if traces_go.is_stack(line):
        return GoJoint(message, kind=kind or "error")
    return None
