"""Stack traces, line by line: what a `Joint` is, and what all languages share. Standard library only.

A joint is the state of one trace that is being read. It keeps no lines: of a trace of any length there remain the
exception, the cause and the top frame of the user's own code.
"""

from __future__ import annotations

import re
from typing import Protocol

from opsagent_tools.logs.event import Trace

_PARTS = 3
"""Parts of a path that are shown of a frame."""
MESSAGE_CHARS = 2000
"""Characters that are kept of the message of an exception."""

RAISED = re.compile(
    r"(?<![\w$.])(?P<type>(?:[A-Za-z_$][\w$]*\.)*(?:[A-Z_$][\w$]*)?"
    r"(?:Error|Exception|Throwable|Failure|Fault|Interrupt|Timeout|Exit|Warning)"
    r"|(?:[a-z_$][\w$]*\.){2,}[A-Z][\w$]*)"
    r"(?: \[(?P<code>[\w.-]+)\])?(?::(?: (?P<message>.*)|$)|(?=$|\]? \{$))"
)
"""An exception as runtimes print it: type, a code of Node's, message."""


NAMED = re.compile(r"(?:^|\s)(?P<type>(?=[\w$]*[a-z])[A-Z][\w$]*): (?P<message>.*)")
"""What may be an exception whose type does not say that it is one: only where frames follow."""


class Joint(Protocol):
    """One trace that is being read."""

    uncaught: bool
    """The runtime says that it ended the process."""

    def feed(self, line: str) -> bool:
        """Take in the next line, without its header but with its indentation; False if it belongs to something else."""
        ...

    def trace(self) -> Trace:
        """Return what was read so far."""
        ...


def raised(line: str) -> tuple[str, str]:
    """Return type and message of the exception that a line names; the message alone where it names no type."""
    found = RAISED.match(line) or RAISED.search(line)
    if found is None:
        named = NAMED.search(line)
        if named is not None:
            return named["type"], named["message"].removesuffix(" {")[:MESSAGE_CHARS]
        return "", line[:MESSAGE_CHARS]
    message = (found["message"] or "").removesuffix(" {")[:MESSAGE_CHARS].strip()
    return found["type"], message[:-1] if line.startswith("[") and message.endswith("]") else message


def names_exception(line: str) -> bool:
    """Tell whether a line is the first of an exception: its type, and what it says."""
    return RAISED.match(line.lstrip(" \t[")) is not None


def said(kind: str, message: str) -> str:
    """Return an exception as one line."""
    return f"{kind}: {message}" if kind and message else kind or message


def place(path: str, line: str, function: str = "") -> str:
    """Return a frame as it is shown: the last parts of its path, its line, its function."""
    parts = path.removeprefix("file://").replace("\\", "/").split("/")
    shown = "/".join(parts[-_PARTS:]).lstrip("/")
    return f"{shown}:{line} {function}" if function and function != "<module>" else f"{shown}:{line}"
