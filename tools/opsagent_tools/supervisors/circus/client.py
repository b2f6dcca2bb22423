"""Ask the engine's daemon: circus' messages over its unix socket. Imports neither circus nor tornado."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.circus_line import Line
from opsagent_tools.supervisors.port import NotSupported, UnknownUnit

_ERRORS: dict[str, type[EngineError | UnknownUnit | NotSupported]] = {
    "unknown_unit": UnknownUnit,
    "not_supported": NotSupported,
}


class Client:
    """One connection. Calls may overlap; bound to the event loop of its first call."""

    def __init__(self, endpoint: Path, alive: Callable[[], bool]) -> None:
        self._line = Line(f"ipc://{endpoint}", alive, who="the engine's daemon", ping="ping")

    async def call(self, command: str, **properties: Any) -> dict[str, Any]:
        """Send a command and return its answer, however long it takes while the daemon lives and answers pings.

        Raises SupervisorUnreachable, UnknownUnit, NotSupported or EngineError.
        """
        return _checked(await self._line.call(command, properties))

    async def close(self) -> None:
        """Close the connection; the next call opens it again."""
        await self._line.close()


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if answer.get("status") == "error":
        reason = " ".join(str(answer.get("reason", "no reason given")).split())
        raise _ERRORS.get(str(answer.get("kind")), EngineError)(reason)
    return answer
