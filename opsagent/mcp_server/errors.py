"""What a caller is told where something does not go: a code and one line, never a trace.

CallError   with one of `Code`
"""

from __future__ import annotations

from typing import Any, Literal

Code = Literal[
    "unknown_tool",
    "unknown_unit",
    "bad_argument",
    "not_found",
    "not_proposed",
    "too_many",
    "busy",
    "unavailable",
    "internal",
]
"""`not_proposed`: what was asked for is nothing that a program may propose, or was not understood; `too_many`: callers
have too many questions open, or ask too often; `busy`: another process owns the home; `unavailable`: a supervisor, the
journal or the memory does not answer."""


class CallError(Exception):
    """A tool or resource cannot give what was asked for."""

    def __init__(self, code: Code, text: str, **details: Any) -> None:
        super().__init__(text)
        self.code: Code = code
        self.details = details

    def as_json(self) -> dict[str, Any]:
        """Return what the caller gets."""
        return {"error": {"code": self.code, "message": str(self), **self.details}}


def call_error(error: Exception) -> CallError:
    """Return what a caller is told of any error; what nobody expected is named by its kind alone."""
    from opsagent.api.errors import ApiError
    from opsagent.home import HomeError, LockTaken
    from opsagent.running import UnknownService
    from opsagent.store.errors import StoreError
    from opsagent_memory import MemoryFailure
    from opsagent_tools.services.errors import ServicesFileError
    from opsagent_tools.supervisors.port import SupervisorError

    text = " ".join(str(error).split())
    match error:
        case CallError():
            return error
        case UnknownService():
            return CallError("unknown_unit", text)
        case LockTaken():
            return CallError("busy", text)
        case ApiError() | StoreError() | MemoryFailure() | SupervisorError() | HomeError() | ServicesFileError():
            return CallError("unavailable", text)
        case LookupError() if not isinstance(error, KeyError | IndexError):
            return CallError("not_found", text)
        case ValueError():
            return CallError("bad_argument", text)
        case _:
            return CallError("internal", f"unexpected {type(error).__name__}")
