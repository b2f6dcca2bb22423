"""How commands fail: one line that says what, where, and how to mend it. Standard library only.

CliError                the command cannot go on
└── Unclear             wrong usage or input (exit code 2)
"""

from __future__ import annotations

import contextlib
import os
from enum import IntEnum
from pathlib import Path

from opsagent_tools.text import escape_for_terminal


class Code(IntEnum):
    """Exit codes; the same for every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NEEDS_APPROVAL = 3
    REFUSED = 4
    INTERRUPTED = 130


class CliError(Exception):
    """The command cannot go on. The text is one line."""

    code = Code.FAILED

    def __init__(self, text: str, *, code: Code | None = None, **details: object) -> None:
        super().__init__(text)
        self.details = details
        """More for `--json`."""
        if code is not None:
            self.code = code


class Unclear(CliError):
    """Wrong usage or input."""

    code = Code.USAGE


# By name, so that a command that does not need these modules does not load them.
_EXPECTED = {
    "HomeError": Code.USAGE,
    "ServicesFileError": Code.USAGE,
    "SupervisorError": Code.FAILED,
    "StoreError": Code.FAILED,
    "MemoryFailure": Code.FAILED,
    "ApiError": Code.FAILED,
    "BackupError": Code.FAILED,
    "BootError": Code.FAILED,
    "RunbookError": Code.USAGE,
    "UnknownService": Code.USAGE,
    "NotAccepted": Code.REFUSED,
    "ProcedureError": Code.USAGE,
    "ScreenError": Code.FAILED,
}


def code_of(error: BaseException) -> Code | None:
    """Return the exit code of an error that is expected; None for one that is a fault of the program."""
    if isinstance(error, CliError):
        return error.code
    for kind in type(error).__mro__:
        if kind.__module__.startswith("opsagent") and kind.__name__ in _EXPECTED:
            return _EXPECTED[kind.__name__]
    if isinstance(error, OSError) and error.filename is not None:
        return Code.FAILED
    return None


def one_line(error: BaseException) -> str:
    """Return an error as one line, secrets masked, safe for a terminal."""
    from opsagent_tools.redact import redact

    text = str(error)
    if isinstance(error, OSError) and error.strerror and type(error).__module__ == "builtins":
        text = f"{error.filename}: {error.strerror}"
    return escape_for_terminal(redact(" ".join(text.split())) or type(error).__name__)


def write_trace(error: BaseException, logs_dir: Path | None) -> Path | None:
    """Write the full trace of an unexpected error into a private file, and return where; None where that fails too."""
    import tempfile
    import traceback
    from datetime import UTC, datetime

    from opsagent_tools.redact import redact

    trace = redact("".join(traceback.format_exception(error)))
    name = f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    for folder in (logs_dir, None):
        with contextlib.suppress(OSError):
            if folder is None:
                descriptor, place = tempfile.mkstemp(prefix="opsagent-crash-", suffix=".txt")
                path = Path(place)
            else:
                path = folder / name
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(trace)
            return path
    return None
